// No time passes on the simulated GPU: whatever is chosen by time is the first that is offered.
#include "kernels/layers/cuda_timer.h"

namespace dae::cuda {

double median_seconds(int, const std::function<void()>&) {
  return 0;
}

}  // namespace dae::cuda
