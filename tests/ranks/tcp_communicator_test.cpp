#include "ranks/tcp_communicator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio.hpp>
#include <functional>
#include <numeric>
#include <thread>

#include "runtime/error.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

using boost::asio::ip::tcp;

// One that nobody listens at: the system's choice, given back.
int free_port() {
  boost::asio::io_context io;
  return tcp::acceptor(io, {tcp::v4(), 0}).local_endpoint().port();
}

// Calls f on each of so many threads, ranks that have met; returns what each threw, or nothing.
std::vector<std::string> run_ranks(int size, const std::function<void(Communicator&)>& f,
                                   double patience = 60,
                                   const MeetingPoint& point = {"localhost", free_port()}) {
  std::vector<std::string> said(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; rank++)
    threads.emplace_back([&, rank] {
      try {
        f(*join_by_tcp(rank, size, point, 60, patience));
      } catch (const Error& error) {
        said[static_cast<size_t>(rank)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return said;
}

const std::vector<std::string> kNothing3(3), kNothing5(5);

TEST(TcpCommunicator, EveryPairExchangesWhatItSays) {
  EXPECT_EQ(run_ranks(5,
                      [](Communicator& ranks) {
                        const int own = ranks.rank();
                        EXPECT_EQ(ranks.size(), 5);
                        EXPECT_FALSE(ranks.machine(4).empty());
                        // More than a connection holds, in both directions at once, of lengths that differ; then none.
                        const auto length = [](int from, int to) {
                          return size_t(1'000'003) * size_t(from + 1) + size_t(to);
                        };
                        std::vector<std::vector<uint8_t>> given(5), taken(5);
                        std::vector<Message> give, take;
                        char nothing = 0;
                        for (int peer = 0; peer < 5; peer++) {
                          if (peer == own) continue;
                          auto& out = given[size_t(peer)];
                          auto& in = taken[size_t(peer)];
                          out.assign(length(own, peer), uint8_t(10 * own + peer));
                          in.resize(length(peer, own));
                          give.push_back({peer, out.data(), out.size()});
                          give.push_back({peer, &nothing, 0});
                          take.push_back({peer, in.data(), in.size()});
                          take.push_back({peer, &nothing, 0});
                        }
                        for (int times = 0; times < 3; times++) {
                          for (auto& in : taken) std::fill(in.begin(), in.end(), 0);
                          ranks.exchange(give, take);
                          for (int peer = 0; peer < 5; peer++)
                            for (const uint8_t byte : taken[size_t(peer)])
                              ASSERT_EQ(byte, 10 * peer + own);
                        }
                      }),
            kNothing5);
}

TEST(TcpCommunicator, MessagesMeetInTheirOrder) {
  EXPECT_EQ(run_ranks(3,
                      [](Communicator& ranks) {
                        std::vector<int> numbers(1000);
                        std::vector<Message> give, take;
                        if (ranks.rank() == 0) std::iota(numbers.begin(), numbers.end(), 0);
                        for (int& number : numbers) {
                          if (ranks.rank() == 0) give.push_back({2, &number, sizeof(number)});
                          if (ranks.rank() == 2) take.push_back({0, &number, sizeof(number)});
                        }
                        ranks.exchange(give, take);
                        if (ranks.rank() == 2) {
                          for (int i = 0; i < 1000; i++) EXPECT_EQ(numbers[size_t(i)], i);
                        }
                        meet(ranks);
                      }),
            kNothing3);
}

// Rank 1, too, which waits for rank 2's alone, and rank 2, to which rank 1's end says less than its word.
TEST(TcpCommunicator, OneThatIsGoneIsNamedByAll) {
  const auto said = run_ranks(4, [](Communicator& ranks) {
    if (ranks.rank() == 3) throw Error("its own error");
    const int next = ranks.rank() + 1;  // 0 waits for 1, 1 for 2, 2 for 3
    char byte = 0;
    const Message message{next, &byte, 1};
    ranks.exchange({}, {&message, 1});
  });
  EXPECT_EQ(said[3], "its own error");
  for (const size_t i : {0U, 1U, 2U}) EXPECT_EQ(said[i].find("rank 3 on "), 0) << said[i];
  EXPECT_NE(said[2].find(" is gone"), std::string::npos) << said[2];
}

TEST(TcpCommunicator, WhatOthersHaveAPartInIsAwaitedNoLongerThanTheyLive) {
  int asked = 0;
  const auto said = run_ranks(2, [&](Communicator& ranks) {
    if (ranks.rank() == 1) return;
    ranks.await([&] { return ++asked > 3; });
    ranks.await([] { return false; });
  });
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(said[0].find("rank 1 on "), 0) << said[0];
  EXPECT_NE(said[0].find(" is gone"), std::string::npos) << said[0];
}

TEST(TcpCommunicator, OnceARankIsLostNothingIsExchanged) {
  const auto said = run_ranks(2, [](Communicator& ranks) {
    if (ranks.rank() == 1) return;
    char byte = 0;
    const Message message{1, &byte, 1};
    EXPECT_THROW(ranks.exchange({}, {&message, 1}), RankLost);
    ranks.exchange({}, {});
  });
  EXPECT_EQ(said[0], "a rank was lost before");
}

TEST(TcpCommunicator, OneThatIsBusyForLongIsNotLost) {
  EXPECT_EQ(run_ranks(
                3,
                [](Communicator& ranks) {
                  if (ranks.rank() == 1) std::this_thread::sleep_for(std::chrono::seconds(7));
                  meet(ranks);
                },
                5),
            kNothing3);
}

// Signs come every second, so that with less patience whoever does nothing else is taken for one that hangs.
TEST(TcpCommunicator, OneThatGivesNoSignIsGivenUp) {
  for (const bool awaits : {false, true}) {
    std::string heard;
    std::atomic<bool> over = false;
    const auto by_itself = [&](Communicator& ranks) {
      if (ranks.rank() == 1) return over.wait(false);
      heard = said<RankLost>([&] {
        char byte = 0;
        const Message message{1, &byte, 1};
        if (awaits)
          ranks.await([] { return false; });
        else
          ranks.exchange({}, {&message, 1});
      });
      over = true;
      over.notify_one();
    };
    EXPECT_EQ(run_ranks(2, by_itself, 0.3), std::vector<std::string>(2));
    EXPECT_EQ(heard,
              "rank 1 on " + boost::asio::ip::host_name() +
                  " has given no sign of life for 0.3 seconds: it hangs, or its machine does")
        << (awaits ? "awaits" : "exchanges");
  }
}

TEST(TcpCommunicator, StrangersKeepNobodyWaiting) {
  const MeetingPoint point{"127.0.0.1", free_port()};
  std::vector<std::string> said(2);
  const auto join = [&](int rank) {
    try {
      const auto ranks = join_by_tcp(rank, 2, point, 60, 60);
      meet(*ranks);
    } catch (const Error& error) {
      said[size_t(rank)] = error.what();
    }
  };
  std::thread first(join, 0);
  boost::asio::io_context io;
  tcp::socket silent(io), talks(io);
  for (tcp::socket* const socket : {&silent, &talks}) {
    boost::system::error_code error;
    do {
      socket->close(error);
      socket->connect({boost::asio::ip::address_v4::loopback(), uint16_t(point.port)}, error);
    } while (error);
  }
  boost::asio::write(talks, boost::asio::buffer(std::string(4096, 'G')));
  std::thread second(join, 1);
  first.join();
  second.join();
  EXPECT_EQ(said, std::vector<std::string>(2));
}

// --- What is refused ----------------------------------------------------------------------------------

std::string refusal(int rank, int size, const MeetingPoint& point, double join_within = 0.3) {
  return said([&] { join_by_tcp(rank, size, point, join_within, 60); });
}

TEST(TcpCommunicator, APortInUseIsNamed) {
  boost::asio::io_context io;
  const tcp::acceptor occupied(io, {tcp::v6(), 0});
  const int port = occupied.local_endpoint().port();
  const std::string said = refusal(0, 2, {"localhost", port});
  EXPECT_NE(said.find("port " + std::to_string(port)), std::string::npos) << said;
  EXPECT_NE(said.find("Address already in use; launch with another MASTER_PORT"), std::string::npos)
      << said;
}

TEST(TcpCommunicator, WhoDoesNotComeIsNamed) {
  const std::string first = refusal(0, 3, {"localhost", free_port()});
  EXPECT_NE(first.find("rank 1, 2 is missing"), std::string::npos) << first;
  const std::string second = refusal(1, 3, {"localhost", free_port()});
  EXPECT_NE(second.find("rank 0 was not reached within 0.3 seconds"), std::string::npos) << second;
  const std::string nowhere = refusal(1, 3, {"no.such.host.invalid", 29500});
  EXPECT_NE(nowhere.find("no.such.host.invalid port 29500"), std::string::npos) << nowhere;
  EXPECT_EQ(refusal(0, 2, {"localhost", 0}), "MASTER_PORT 0: a port is from 1 to 65535");
  const std::string last_port = refusal(1, 2, {"127.0.0.1", 65535});
  EXPECT_EQ(last_port.find("a port is from 1 to 65535"), std::string::npos) << last_port;
}

// The system keeps the connections of who closed them first for a minute. A run that was ended is
// started again before.
TEST(TcpCommunicator, APortIsUsedAgainAtOnce) {
  const MeetingPoint point{"localhost", free_port()};
  const auto said = run_ranks(
      2,
      [](Communicator& ranks) {
        if (ranks.rank() == 0) return;  // and closes; rank 1 sees it
        char byte = 0;
        const Message message{0, &byte, 1};
        EXPECT_THROW(ranks.exchange({}, {&message, 1}), RankLost);
      },
      60, point);
  EXPECT_EQ(said, std::vector<std::string>(2));
  EXPECT_EQ(refusal(0, 2, point),
            "rank 0 on " + boost::asio::ip::host_name() +
                ": not all ranks have come within 0.3 seconds: rank 1 is missing");
}

// Somebody listens where rank 0 should, and goes once rank 1 has come.
TEST(TcpCommunicator, ARankZeroThatEndsWhileTheOthersMeetIsNamed) {
  boost::asio::io_context io;
  tcp::acceptor there(io, {boost::asio::ip::address_v4::loopback(), 0});
  std::thread zero([&] {
    tcp::socket data(io), life(io);
    there.accept(data);
    there.accept(life);
  });
  const MeetingPoint point{"127.0.0.1", there.local_endpoint().port()};
  EXPECT_EQ(said<RankLost>([&] { join_by_tcp(1, 3, point, 60, 60); }),
            "rank 0 ended before all ranks had met");
  zero.join();
}

// Each comes again until rank 0 has said so: one may have given up before the other is there.
TEST(TcpCommunicator, TwoOfOneRankAreRefused) {
  const MeetingPoint point{"localhost", free_port()};
  std::atomic<bool> over = false;
  const auto come = [&] {
    while (!over) said<std::exception>([&] { join_by_tcp(1, 3, point, 0.3, 60); });
  };
  std::thread one(come), another(come);
  const std::string said_by_zero = said<std::exception>([&] { join_by_tcp(0, 3, point, 60, 60); });
  over = true;
  one.join();
  another.join();
  EXPECT_EQ(said_by_zero, "rank 1 on " + boost::asio::ip::host_name() +
                              " of 3 came to where rank 0 of 3 waits for those after it: launch as "
                              "many as WORLD_SIZE says, each with a RANK of its own");
}

// Rank 0 is there, and so is not what is missing.
TEST(TcpCommunicator, WhoReachedRankZeroWaitsForTheOthers) {
  const MeetingPoint point{"localhost", free_port()};
  std::thread zero([&] { refusal(0, 3, point, 3); });
  const std::string said = refusal(1, 3, point, 1);
  zero.join();
  EXPECT_NE(said.find("not all ranks have come within 1 seconds: rank 0 waits for them"),
            std::string::npos)
      << said;
}

TEST(TcpCommunicator, RanksOfAnotherWorldAreRefused) {
  for (const auto& [rank, size] : {std::pair{1, 3}, {2, 3}, {0, 2}}) {
    const MeetingPoint point{"localhost", free_port()};
    std::string said;
    std::thread stranger([&, rank = rank, size = size] { refusal(rank, size, point); });
    try {
      join_by_tcp(0, 2, point, rank == 0 ? 0.3 : 60, 60);
    } catch (const Error& error) {
      said = error.what();
    }
    stranger.join();
    if (rank == 0) continue;  // cannot listen at the same port, and says so
    EXPECT_EQ(said.find("rank " + std::to_string(rank) + " on "), 0) << said;
    EXPECT_NE(said.find("of 3 came to where rank 0 of 2 waits"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace dae::test
