// Ranks that MPI connects. A library of its own, which runtime/communicator.cpp opens where a program was
// launched as one of several: nobody else loads MPI, or needs it installed.
#include "runtime/communicator.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>

#include "runtime/error.h"

namespace dae {
namespace {

using Seconds = std::chrono::duration<double>;

void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail("MPI: {}: {}", what, std::string_view(text.data(), static_cast<size_t>(length)));
}

// How long a rank has waited. Time for which its process was stopped is not waited: the others are given
// the whole of their patience again.
class Waited {
 public:
  double seconds() {
    const auto now = std::chrono::steady_clock::now();
    seconds_ += std::min(Seconds(now - last_).count(), 0.5);
    last_ = now;
    return seconds_;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double seconds_ = 0;
};

// Others may need the core: the longer nothing comes, the longer it is left to them. MPI's own waiting
// takes all of it.
void let_others_work(double waited) {
  if (waited < 1e-3)
    sched_yield();
  else
    std::this_thread::sleep_for(waited < 0.1 ? Seconds(20e-6) : Seconds(1e-3));
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator() {
    int initialized = 0;
    MPI_Initialized(&initialized);
    if (!initialized) {
      int provided = 0;
      check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "to start");
      std::atexit(end_mpi);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "size");
    names_.resize(static_cast<size_t>(size_));
    int length = 0;
    Name own{};
    MPI_Get_processor_name(own.data(), &length);
    check(MPI_Allgather(own.data(), static_cast<int>(own.size()), MPI_CHAR, names_.data(),
                        static_cast<int>(own.size()), MPI_CHAR, MPI_COMM_WORLD),
          "to tell each other's machine");
  }
  // Ranks whose work was cut short do not meet any more, as MPI's end asks: who launched them ends the
  // others.
  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_) ended_well = false;
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string machine(int rank) const override {
    return names_.at(static_cast<size_t>(rank)).data();
  }

  void exchange(std::span<const Message> give, std::span<const Message> take,
                double patience) override {
    requests_.clear();
    peers_.clear();
    for (const Message& message : take) each_part(message, MPI_Irecv, "to receive");
    for (const Message& message : give) each_part(message, MPI_Isend, "to send");
    finished_.resize(requests_.size());
    Waited waited;
    for (size_t left = requests_.size(); left > 0;) {
      int done = 0;
      check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &done,
                         finished_.data(), MPI_STATUSES_IGNORE),
            "to wait");
      left -= static_cast<size_t>(std::max(done, 0));
      if (left == 0 || done > 0) continue;
      const double seconds = waited.seconds();
      if (patience != kForever && seconds > patience) fail_waiting(patience);
      let_others_work(seconds);
    }
  }

 private:
  using Name = std::array<char, MPI_MAX_PROCESSOR_NAME>;

  // MPI counts by int.
  template <class Begin>
  void each_part(const Message& message, Begin begin, const char* what) {
    constexpr size_t kMost = size_t{1} << 30;
    for (size_t done = 0; done < message.bytes || done == 0; done += kMost) {
      peers_.push_back(message.peer);
      check(begin(static_cast<std::byte*>(message.data) + done,
                  static_cast<int>(std::min(kMost, message.bytes - done)), MPI_BYTE, message.peer,
                  0, MPI_COMM_WORLD, &requests_.emplace_back()),
            what);
    }
  }

  [[noreturn]] void fail_waiting(double patience) const {
    const auto open = std::find_if(requests_.begin(), requests_.end(),
                                   [](MPI_Request r) { return r != MPI_REQUEST_NULL; });
    fail("{} has not answered for {:g} seconds: it hangs, or its machine does",
         describe(*this, peers_[static_cast<size_t>(open - requests_.begin())]), patience);
  }

  static void end_mpi() {
    if (ended_well) MPI_Finalize();
  }

  static inline bool ended_well = true;
  const int exceptions_ = std::uncaught_exceptions();
  int rank_ = 0, size_ = 1;
  std::vector<Name> names_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_, finished_;
};

}  // namespace
}  // namespace dae

extern "C" dae::Communicator* dae_join_mpi() {
  return new dae::MpiCommunicator;
}
