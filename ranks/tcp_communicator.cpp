#include "ranks/tcp_communicator.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio.hpp>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "ranks/signs_of_life.h"
#include "runtime/error.h"

namespace dae {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// --- What is sent while ranks meet: as it lies in memory, since all are one program -------------------------

constexpr std::array<char, 8> kMagic = {'d', 'a', 'e', 'r', 'a', 'n', 'k', '1'};
enum Kind : int32_t { kData, kLife, kKinds };
using Name = std::array<char, 256>;

// The first words of whoever connects. A stranger's are others.
struct Hello {
  std::array<char, 8> magic = kMagic;
  int32_t rank = 0, size = 0, kind = kData;
  uint16_t port = 0;  // at which those of a higher rank reach it
  uint16_t unused = 0;
  Name machine{};
};
static_assert(std::has_unique_object_representations_v<Hello>);

// What rank 0 tells all of each once it knows them.
struct Place {
  Name address{}, machine{};
  uint16_t port = 0;
};
static_assert(std::has_unique_object_representations_v<Place>);

Name name_of(const std::string& text) {
  Name name{};
  text.copy(name.data(), name.size() - 1);
  return name;
}

// --- What goes between ranks that live: whole words of four bytes --------------------------------------------

constexpr int32_t kSign = -1;        // any other: the rank that the sender has lost
constexpr double kMostOnItsWay = 3;  // seconds from a rank's end to what it gave before

struct Peer {
  explicit Peer(asio::io_context& io) : data(io), life(io) {}
  tcp::socket& socket(int kind) { return kind == kData ? data : life; }

  tcp::socket data, life;
  Place place;
  std::vector<asio::mutable_buffer> takes;
  std::vector<asio::const_buffer> gives;
  double heard = 0;      // when it gave a sign last
  int waited_for = 0;    // messages
  int32_t word = kSign;  // as it arrives
  bool silent = false;   // its end of `life` is closed
};

class TcpCommunicator final : public Communicator {
 public:
  TcpCommunicator(int rank, int size, const MeetingPoint& point, double join_within,
                  double patience)
      : patience_(patience), rank_(rank), acceptor_(io_), join_within_(join_within) {
    peers_.reserve(static_cast<size_t>(size));
    for (int i = 0; i < size; i++) peers_.emplace_back(io_);
    own().place.machine = name_of(asio::ip::host_name());
    join(point);
    for (Peer& peer : peers_)
      if (&peer != &own()) listen_for_signs(peer);
    signs_ = every_second([this] {
      for (const int socket : lives_) send_word(socket, kSign);
    });
  }

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(peers_.size()); }
  std::string machine(int rank) const override {
    return peers_.at(static_cast<size_t>(rank)).place.machine.data();
  }

  void exchange(std::span<const Message> give, std::span<const Message> take) override {
    if (lost_) throw RankLost("a rank was lost before");
    begin(give, take);
    const double since = time_.now();
    while (left_ > 0) {
      const bool went_on = io_.poll() > 0;
      check_connected();
      if (went_on) continue;
      const double now = time_.now();
      for (size_t i = 0; i < peers_.size(); i++)
        if (peers_[i].waited_for > 0) check_alive(static_cast<int>(i), since, now);
      let_others_work(now - since);
    }
  }

  // Who is over may have given before what is waited for.
  void await(const std::function<bool()>& over) override {
    if (lost_) throw RankLost("a rank was lost before");
    const double since = time_.now();
    while (!over()) {
      io_.poll();
      check_connected();
      const double now = time_.now();
      for (int peer = 0; peer < size(); peer++) {
        if (peer == rank_) continue;
        check_alive(peer, since, now);
        Peer& other = peers_[static_cast<size_t>(peer)];
        if (other.silent && now - std::max(since, other.heard) > kMostOnItsWay) {
          end(peer);
          throw RankLost(describe(*this, peer) + " is gone");
        }
      }
      let_others_work(now - since);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  Peer& own() { return peers_[static_cast<size_t>(rank_)]; }

  // --- Meeting -------------------------------------------------------------------------------------------

  // Each connects to those of a lower rank: to rank 0 first, which says where the others are.
  void join(const MeetingPoint& point) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(join_within_));
    if (point.port < 1 || point.port > 65535)
      fail("MASTER_PORT {}: a port is from 1 to 65535", point.port);
    const auto port = static_cast<uint16_t>(point.port);
    listen(rank_ == 0 ? port : uint16_t{0});
    if (rank_ == 0) {
      await_higher_ranks();
      tell_places(point);
    } else {
      connect(0, point.host, port);
      hear_places();
      for (int peer = 1; peer < rank_; peer++) {
        const Place& place = peers_[static_cast<size_t>(peer)].place;
        connect(peer, place.address.data(), place.port);
      }
      await_higher_ranks();
    }
    acceptor_.close();
    for (Peer& peer : peers_) {
      if (&peer == &own()) continue;
      peer.data.set_option(tcp::no_delay(true));
      lives_.push_back(peer.life.native_handle());
    }
  }

  void listen(uint16_t port) {
    error_code error;
    for (const tcp& family : {tcp::v6(), tcp::v4()}) {  // the first takes both, where there is IPv6
      error.clear();
      if (acceptor_.open(family, error)) continue;
      acceptor_.set_option(tcp::acceptor::reuse_address(true));
      if (!acceptor_.bind({family, port}, error) &&
          !acceptor_.listen(asio::socket_base::max_listen_connections, error))
        return;
      acceptor_.close();
      if (error == asio::error::address_in_use) break;
    }
    fail(
        "rank {} cannot listen at port {} of {}, where the ranks are to meet: {}; launch with "
        "another MASTER_PORT",
        rank_, port, own().place.machine.data(), error.message());
  }

  // Runs what has been begun until `done`, to the end of the time to join.
  template <class Done, class Complain>
  void run_until(Done done, Complain complain) {
    while (!done()) {
      if (Clock::now() > deadline_) complain();
      io_.run_one_for(std::chrono::milliseconds(50));
    }
  }

  [[noreturn]] void complain_of(int peer, const std::string& problem) const {
    throw RankLost(fmt::format("rank {} on {}: {} within {:g} seconds: {}", rank_,
                               peers_[static_cast<size_t>(rank_)].place.machine.data(),
                               peer == 0 ? "rank 0 was not reached" : "not all ranks have come",
                               join_within_, problem));
  }

  void connect(int rank, const std::string& host, uint16_t port) {
    for (const Kind kind : {kData, kLife}) {
      tcp::socket& socket = peers_[static_cast<size_t>(rank)].socket(kind);
      connect_socket(socket, rank, host, port);
      Hello hello;
      hello.rank = rank_;
      hello.size = size();
      hello.kind = kind;
      hello.port = acceptor_.local_endpoint().port();
      hello.machine = own().place.machine;
      error_code error;
      asio::write(socket, asio::buffer(&hello, sizeof(hello)), error);
      if (error) throw RankLost(fmt::format("rank {} ended before all ranks had met", rank));
    }
  }

  // Again and again: it may not listen yet, and its name may not be known yet, as a pod's that starts.
  void connect_socket(tcp::socket& socket, int rank, const std::string& host, uint16_t port) {
    error_code error = asio::error::would_block;
    const auto timed_out = [&] {
      complain_of(rank, fmt::format("{} port {}: {}", host, port, error.message()));
    };
    while (true) {
      const auto found = tcp::resolver(io_).resolve(host, std::to_string(port), error);
      if (!error) {
        error = asio::error::would_block;
        asio::async_connect(socket, found,
                            [&error](error_code result, const tcp::endpoint&) { error = result; });
        run_until([&] { return error != asio::error::would_block; }, timed_out);
        if (!error) return;
      }
      if (Clock::now() > deadline_) timed_out();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  void await_higher_ranks() {
    const int expected = kKinds * (size() - 1 - rank_);
    if (expected > 0) accept_next();
    run_until(
        [&] {
          if (refused_) fail("{}", *refused_);
          return arrived_ == expected;
        },
        [&] {
          std::string missing;
          for (int peer = rank_ + 1; peer < size(); peer++)
            if (!peers_[static_cast<size_t>(peer)].life.is_open())
              missing += fmt::format("{}{}", missing.empty() ? "" : ", ", peer);
          complain_of(size(), "rank " + missing + " is missing");
        });
  }

  // Who connects and says nothing, or something else, keeps nobody waiting.
  void accept_next() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        auto guest = std::make_shared<std::pair<tcp::socket, Hello>>(std::move(socket), Hello{});
        asio::async_read(guest->first, asio::buffer(&guest->second, sizeof(Hello)),
                         [this, guest](error_code failed, size_t) {
                           if (!failed && guest->second.magic == kMagic) welcome(*guest);
                         });
      }
      accept_next();
    });
  }

  void welcome(std::pair<tcp::socket, Hello>& guest) {
    Hello& hello = guest.second;
    hello.machine.back() = 0;
    const bool known = hello.rank > rank_ && hello.rank < size() && hello.size == size() &&
                       hello.kind >= 0 && hello.kind < kKinds;
    if (!known || peers_[static_cast<size_t>(hello.rank)].socket(hello.kind).is_open()) {
      refused_ = fmt::format(
          "{} of {} came to where rank {} of {} waits for those after it: launch as many as "
          "WORLD_SIZE says, each with a RANK of its own",
          describe(hello.rank, hello.machine.data()), hello.size, rank_, size());
      return;
    }
    Peer& peer = peers_[static_cast<size_t>(hello.rank)];
    error_code ignored;
    peer.place.address = name_of(guest.first.remote_endpoint(ignored).address().to_string(ignored));
    peer.place.port = hello.port;
    peer.place.machine = hello.machine;
    peer.socket(hello.kind) = std::move(guest.first);
    arrived_++;
  }

  // A rank that rank 0 sees at its own machine, the others see at rank 0's.
  void tell_places(const MeetingPoint& point) {
    std::vector<Place> places;
    for (const Peer& peer : peers_) {
      places.push_back(peer.place);
      error_code unknown;
      auto address = asio::ip::make_address(peer.place.address.data(), unknown);
      if (!unknown && address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
      if (!unknown && address.is_loopback()) places.back().address = name_of(point.host);
    }
    for (int rank = 1; rank < size(); rank++) {
      error_code error;
      asio::write(peers_[static_cast<size_t>(rank)].data,
                  asio::buffer(places.data(), places.size() * sizeof(Place)), error);
      if (error) throw RankLost(describe(*this, rank) + " ended before all ranks had met");
    }
  }

  void hear_places() {
    std::vector<Place> places(peers_.size());
    error_code error = asio::error::would_block;
    asio::async_read(peers_[0].data, asio::buffer(places.data(), places.size() * sizeof(Place)),
                     [&](error_code result, size_t) { error = result; });
    run_until([&] { return error != asio::error::would_block; },
              [&] { complain_of(size(), "rank 0 waits for them"); });
    if (error) throw RankLost("rank 0 ended before all ranks had met");
    for (size_t i = 0; i < peers_.size(); i++) peers_[i].place = places[i];
  }

  // --- Messages ------------------------------------------------------------------------------------------

  void begin(std::span<const Message> give, std::span<const Message> take) {
    for (Peer& peer : peers_) {
      peer.takes.clear();
      peer.gives.clear();
    }
    for (const Message& message : take)
      peers_[static_cast<size_t>(message.peer)].takes.emplace_back(message.data, message.bytes);
    for (const Message& message : give)
      peers_[static_cast<size_t>(message.peer)].gives.emplace_back(message.data, message.bytes);
    for (Peer& peer : peers_) {
      const auto arrived = [this, &peer](error_code error, size_t) {
        left_--;
        peer.waited_for--;
        if (error && !failed_) failed_ = {&peer, error};
      };
      peer.waited_for = !peer.takes.empty() + !peer.gives.empty();
      left_ += peer.waited_for;
      if (!peer.takes.empty()) asio::async_read(peer.data, std::span(peer.takes), arrived);
      if (!peer.gives.empty()) asio::async_write(peer.data, std::span(peer.gives), arrived);
    }
  }

  // Of a rank that is waited for since then.
  void check_alive(int rank, double since, double now) {
    if (now - std::max(since, peers_[static_cast<size_t>(rank)].heard) <= patience_) return;
    end(rank);
    throw_silent(*this, rank, patience_);
  }

  // A rank that ended because it lost another has said so before.
  void check_connected() {
    if (failed_)
      for (const auto until = Clock::now() + std::chrono::seconds(1);
           !told_ && !failed_->first->silent && Clock::now() < until;)
        io_.run_one_for(std::chrono::milliseconds(10));
    if (told_) {
      const auto [by, lost] = *told_;
      end(lost);
      throw RankLost(
          fmt::format("{} is lost, says {}", describe(*this, lost), describe(*this, by)));
    }
    if (failed_) {
      const auto [peer, error] = *failed_;
      const auto rank = static_cast<int>(peer - peers_.data());
      end(rank);
      throw RankLost(fmt::format("{} is gone{}", describe(*this, rank),
                                 error == asio::error::eof ? "" : ": " + error.message()));
    }
  }

  // Nothing is written any more to where those who waited for it are no longer.
  void end(int lost) {
    lost_ = true;
    signs_ = {};
    for (const int socket : lives_) send_word(socket, lost);
    error_code ignored;
    for (Peer& peer : peers_) {
      peer.data.close(ignored);
      peer.life.close(ignored);
    }
  }

  // --- Signs of life -------------------------------------------------------------------------------------

  static void send_word(int socket, int32_t word) {
    [[maybe_unused]] const ssize_t sent =
        send(socket, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void listen_for_signs(Peer& peer) {
    asio::async_read(peer.life, asio::buffer(&peer.word, sizeof(peer.word)),
                     [this, &peer](error_code error, size_t) {
                       peer.silent = static_cast<bool>(error);
                       if (error) return;
                       peer.heard = time_.now();
                       const auto from = static_cast<int>(&peer - peers_.data());
                       if (peer.word >= 0 && peer.word < size() && !told_)
                         told_ = {from, peer.word};
                       listen_for_signs(peer);
                     });
  }

  const double patience_;  // seconds
  const int rank_;
  asio::io_context io_;
  // Without it the context would end whenever nothing is under way.
  asio::executor_work_guard<asio::io_context::executor_type> goes_on_{io_.get_executor()};
  std::vector<Peer> peers_;  // by rank; this one's own has no connections
  tcp::acceptor acceptor_;
  OwnTime time_;
  // While ranks meet:
  const double join_within_;  // seconds
  Clock::time_point deadline_;
  int arrived_ = 0;
  std::optional<std::string> refused_;
  // Of the messages under way:
  int left_ = 0;
  std::optional<std::pair<Peer*, error_code>> failed_;
  std::optional<std::pair<int, int>> told_;  // by whom, of whom
  bool lost_ = false;
  std::vector<int> lives_;
  std::jthread signs_;  // the last: it uses the others
};

}  // namespace

std::unique_ptr<Communicator> join_by_tcp(int rank, int size, const MeetingPoint& point,
                                          double join_within, double patience) {
  return std::make_unique<TcpCommunicator>(rank, size, point, join_within, patience);
}

}  // namespace dae
