// How ranks tell one that is busy from one that hangs: each gives the others a sign of life every second, from a
// thread that stops with its process. What every communicator of processes needs for it.
#pragma once

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "runtime/communicator.h"

namespace dae {

// Time that goes on while this process does: for which it was stopped is not waited.
class OwnTime {
 public:
  double now() {  // seconds
    const auto at = std::chrono::steady_clock::now();
    seconds_ += std::min(std::chrono::duration<double>(at - last_).count(), 0.5);
    last_ = at;
    return seconds_;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double seconds_ = 0;
};

// Others may need the core: the longer nothing comes, the longer it is left to them.
inline void let_others_work(double waited) {
  using Seconds = std::chrono::duration<double>;
  if (waited < 1e-3)
    sched_yield();
  else
    std::this_thread::sleep_for(waited < 0.1 ? Seconds(20e-6) : Seconds(1e-3));
}

// Calls `give` every second until the thread is asked to stop.
template <class Give>
std::jthread every_second(Give give) {
  return std::jthread([give](const std::stop_token& stop) {
    std::mutex never;
    std::unique_lock lock(never);
    std::condition_variable_any nothing;
    while (!nothing.wait_for(lock, stop, std::chrono::seconds(1),
                             [&] { return stop.stop_requested(); }))
      give();
  });
}

// What ends a wait for one that was heard last so long ago.
[[noreturn]] inline void throw_silent(const Communicator& ranks, int rank, double seconds) {
  throw RankLost(
      fmt::format("{} has given no sign of life for {:g} seconds: it hangs, or its machine does",
                  describe(ranks, rank), seconds));
}

}  // namespace dae
