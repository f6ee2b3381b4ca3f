// What rank 0 tells the others of each other while they meet, to two that come by hand: as it lies in memory.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio.hpp>
#include <thread>

#include "ranks/tcp_communicator.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

using boost::asio::ip::tcp;
using Name = std::array<char, 256>;

struct Hello {
  std::array<char, 8> magic = {'d', 'a', 'e', 'r', 'a', 'n', 'k', '1'};
  int32_t rank = 0, size = 3, kind = 0;
  uint16_t port = 0, unused = 0;
  Name machine{};
};
struct Place {
  Name address{}, machine{};
  uint16_t port = 0;
};

// One that has come to rank 0 by both of its connections, and says that it can be reached at port 7000 + its rank.
struct Guest {
  Guest(boost::asio::io_context& io, int32_t rank, uint16_t port) : data(io), life(io) {
    for (tcp::socket* const socket : {&data, &life}) {
      boost::system::error_code error;
      do {
        socket->close(error);
        socket->connect({boost::asio::ip::address_v4::loopback(), port}, error);
      } while (error);
      Hello hello;
      hello.rank = rank;
      hello.kind = socket == &life ? 1 : 0;
      hello.port = static_cast<uint16_t>(7000 + rank);
      boost::asio::write(*socket, boost::asio::buffer(&hello, sizeof(hello)));
    }
  }
  tcp::socket data, life;
};

// The others may be elsewhere: to them it is where rank 0 is, by the name by which they find that.
TEST(TcpPlaces, ARankOfRankZerosMachineIsWhereRankZeroIs) {
  boost::asio::io_context io;
  const uint16_t port = tcp::acceptor(io, {tcp::v4(), 0}).local_endpoint().port();
  std::string said_by_zero;
  std::jthread zero([&] {
    said_by_zero = said([&] { join_by_tcp(0, 3, {"node7", port}, 60, 60); });
  });
  const Guest first(io, 1, port);
  Guest second(io, 2, port);
  std::array<Place, 3> places;
  boost::asio::read(second.data, boost::asio::buffer(&places, sizeof(places)));
  zero.join();
  EXPECT_EQ(said_by_zero, "accepted");
  EXPECT_STREQ(places[1].address.data(), "node7");
  EXPECT_EQ(places[1].port, 7001);
}

}  // namespace
}  // namespace dae::test
