// Ranks that MPI connects. A library of its own, which runtime/communicator.cpp opens where a program was
// launched as one of several: nobody else loads MPI, or needs it installed.
#include "runtime/communicator.h"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include "ranks/signs_of_life.h"
#include "runtime/error.h"

namespace dae {
namespace {

// Once a rank is lost MPI is not called any more, by whichever communicator: it would write what arrives late to
// where those who waited for it no longer are.
std::atomic<bool> lost = false;

void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  lost = true;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw RankLost(
      fmt::format("MPI: {}: {}", what, std::string_view(text.data(), static_cast<size_t>(length))));
}

constexpr int kData = 0, kAlive = 1;  // tags of messages

// Waits by asking, as MPI's own waiting takes all of a core. Calls of MPI are made one at a time.
class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(double patience) : patience_(patience) {
    int initialized = 0, level = 0;
    MPI_Initialized(&initialized);
    if (initialized) {  // by whom this library serves, who ends it as well
      MPI_Query_thread(&level);
    } else {
      check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "to start");
      std::atexit(end_mpi);
    }
    if (level < MPI_THREAD_SERIALIZED) fail("MPI: it was started for one thread alone");
    check(MPI_Comm_dup(MPI_COMM_WORLD, &ranks_), "to start");
    MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN);
    check(MPI_Comm_rank(ranks_, &rank_), "rank");
    check(MPI_Comm_size(ranks_, &size_), "size");
    names_.resize(static_cast<size_t>(size_));
    int length = 0;
    Name own{};
    MPI_Get_processor_name(own.data(), &length);
    check(MPI_Allgather(own.data(), static_cast<int>(own.size()), MPI_CHAR, names_.data(),
                        static_cast<int>(own.size()), MPI_CHAR, ranks_),
          "to tell each other's machine");
    heard_.resize(names_.size());
    signs_ = every_second([this] { give_signs(); });
  }
  // MPI's end waits for all ranks, for ever, so they meet before. Those whose work was cut short do not, nor
  // those that lost one: who launched them ends them.
  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_) lost = true;
    try {
      if (!lost) meet(*this);
    } catch (const Error&) {
    }
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string machine(int rank) const override {
    return names_.at(static_cast<size_t>(rank)).data();
  }

  void exchange(std::span<const Message> give, std::span<const Message> take) override {
    begin(give, take);
    const double since = time_.now();
    for (size_t left = requests_.size(); left > 0;) {
      const size_t done = test();
      left -= done;
      if (left == 0 || done > 0) continue;
      const double now = time_.now();
      for (size_t i = 0; i < requests_.size(); i++)
        if (requests_[i] != MPI_REQUEST_NULL) check_alive(peers_[i], since, now);
      let_others_work(now - since);
    }
  }

  void await(const std::function<bool()>& over) override {
    const double since = time_.now();
    while (!over()) {
      {
        const std::lock_guard lock(one_at_a_time_);
        if (lost) throw RankLost("a rank was lost before");
        hear_signs();
      }
      const double now = time_.now();
      for (int peer = 0; peer < size_; peer++)
        if (peer != rank_) check_alive(peer, since, now);
      let_others_work(now - since);
    }
  }

 private:
  using Name = std::array<char, MPI_MAX_PROCESSOR_NAME>;

  void begin(std::span<const Message> give, std::span<const Message> take) {
    const std::lock_guard lock(one_at_a_time_);
    if (lost) throw RankLost("a rank was lost before");
    requests_.clear();
    peers_.clear();
    for (const Message& message : take) each_part(message, MPI_Irecv, "to receive");
    for (const Message& message : give) each_part(message, MPI_Isend, "to send");
    finished_.resize(requests_.size());
  }

  // How many of the messages have arrived since the last call; hears signs of life besides.
  size_t test() {
    const std::lock_guard lock(one_at_a_time_);
    int done = 0;
    check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &done,
                       finished_.data(), MPI_STATUSES_IGNORE),
          "to wait");
    hear_signs();
    return static_cast<size_t>(std::max(done, 0));
  }

  void hear_signs() {
    for (;;) {
      int there = 0;
      MPI_Status from;
      check(MPI_Iprobe(MPI_ANY_SOURCE, kAlive, ranks_, &there, &from), "to hear");
      if (!there) return;
      check(MPI_Recv(nullptr, 0, MPI_BYTE, from.MPI_SOURCE, kAlive, ranks_, &from), "to hear");
      heard_[static_cast<size_t>(from.MPI_SOURCE)] = time_.now();
    }
  }

  // MPI counts by int.
  template <class Begin>
  void each_part(const Message& message, Begin start, const char* what) {
    constexpr size_t kMost = size_t{1} << 30;
    for (size_t done = 0; done < message.bytes || done == 0; done += kMost) {
      peers_.push_back(message.peer);
      check(start(static_cast<std::byte*>(message.data) + done,
                  static_cast<int>(std::min(kMost, message.bytes - done)), MPI_BYTE, message.peer,
                  kData, ranks_, &requests_.emplace_back()),
            what);
    }
  }

  // Of a rank that is waited for since then.
  void check_alive(int peer, double since, double now) {
    if (now - std::max(since, heard_[static_cast<size_t>(peer)]) <= patience_) return;
    const std::lock_guard lock(one_at_a_time_);
    lost = true;
    throw_silent(*this, peer, patience_);
  }

  // Whether they arrive is for those who wait for them to find.
  void give_signs() {
    const std::lock_guard one(one_at_a_time_);
    for (int peer = 0; peer < size_ && !lost; peer++) {
      if (peer == rank_) continue;
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Isend(nullptr, 0, MPI_BYTE, peer, kAlive, ranks_, &request);
      if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
    }
  }

  static void end_mpi() {
    if (!lost) MPI_Finalize();
  }

  const double patience_;  // seconds
  MPI_Comm ranks_ = MPI_COMM_NULL;
  const int exceptions_ = std::uncaught_exceptions();
  int rank_ = 0, size_ = 1;
  std::vector<Name> names_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_, finished_;
  OwnTime time_;
  std::vector<double> heard_;  // when each rank gave a sign last
  std::mutex one_at_a_time_;
  std::jthread signs_;  // the last: it uses the others
};

}  // namespace
}  // namespace dae

extern "C" dae::Communicator* dae_join_mpi(double patience) {
  return new dae::MpiCommunicator(patience);
}
