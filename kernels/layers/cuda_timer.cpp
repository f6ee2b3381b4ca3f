#include "kernels/layers/cuda_timer.h"

#include <algorithm>
#include <vector>

#include "runtime/stopwatch.h"

namespace dae::cuda {
namespace {

// The first call of a run finds cold caches, as after a large op before it; several together make a
// short call long beside the clock's half microsecond.
constexpr int kCalls = 3;
// About 0.3 ms of work, in which the host enqueues the calls.
constexpr int kCaches = 12;

}  // namespace

double median_seconds(int runs, const std::function<void()>& enqueue) {
  const Stopwatch watch;
  enqueue();
  std::vector<double> seconds;
  for (int i = 0; i < runs; i++) {
    overwrite_cache(nullptr, kCaches);
    watch.start(nullptr);
    for (int call = 0; call < kCalls; call++) enqueue();
    watch.stop(nullptr);
    seconds.push_back(watch.seconds() / kCalls);
  }
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[static_cast<size_t>(runs / 2)];
}

double median_seconds(int runs, Routine& routine, const std::vector<Buffer>& operands) {
  const Buffer workspace(Device::cuda, routine.workspace_bytes());
  std::vector<const void*> data;
  for (const Buffer& operand : operands) data.push_back(operand.data());
  return median_seconds(runs, [&] { routine.run(nullptr, data, workspace.data()); });
}

}  // namespace dae::cuda
