#ifdef DAE_HAS_CUDA
#include "runtime/cuda_timer.h"

#include <algorithm>
#include <vector>

#include "runtime/cuda_check.h"

namespace dae::cuda {

double median_seconds(int runs, const std::function<void()>& enqueue) {
  enqueue();
  cudaEvent_t begin = nullptr, end = nullptr;
  DAE_CUDA_CHECK(cudaEventCreate(&begin));
  DAE_CUDA_CHECK(cudaEventCreate(&end));
  std::vector<float> milliseconds(static_cast<size_t>(runs));
  for (float& took : milliseconds) {
    DAE_CUDA_CHECK(cudaEventRecord(begin, nullptr));
    enqueue();
    DAE_CUDA_CHECK(cudaEventRecord(end, nullptr));
    DAE_CUDA_CHECK(cudaEventSynchronize(end));
    DAE_CUDA_CHECK(cudaEventElapsedTime(&took, begin, end));
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  const auto middle = milliseconds.begin() + runs / 2;
  std::nth_element(milliseconds.begin(), middle, milliseconds.end());
  return *middle * 1e-3;
}

}  // namespace dae::cuda
#endif
