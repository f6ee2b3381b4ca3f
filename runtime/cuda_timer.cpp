#include "runtime/cuda_timer.h"

#include <algorithm>
#include <vector>

#include "runtime/stopwatch.h"

namespace dae::cuda {

double median_seconds(int runs, const std::function<void()>& enqueue) {
  const Stopwatch watch;
  enqueue();
  std::vector<double> seconds;
  for (int i = 0; i < runs; i++) {
    watch.start(nullptr);
    enqueue();
    watch.stop(nullptr);
    seconds.push_back(watch.seconds());
  }
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[static_cast<size_t>(runs / 2)];
}

}  // namespace dae::cuda
