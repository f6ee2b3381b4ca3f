// The end of a sum over pixels: blocks have left theirs, a row of channels each, and those are added
// in fp64. 32 rows of threads take every 32nd block, and are then added in order: no atomics, so the
// same bits in every run. Rejected: a thread a channel (a thousand additions one after the other,
// each waiting for memory, in a few warps).
#pragma once

#include "kernels/elements.cuh"

namespace dae::cuda {

inline constexpr int kSumLanes = 32, kSumRows = 32;

// partial {1 or 2, blocks, channels}: the first rows are summed to `first`, the second to `second`.
template <class T>
__global__ void __launch_bounds__(kSumLanes* kSumRows)
    sum_partials_kernel(const float* __restrict__ partial, T* __restrict__ first,
                        T* __restrict__ second, int blocks, int channels) {
  DAE_SHARED(double, sums, kSumLanes* kSumRows);
  const int lane = threadIdx.x % kSumLanes, row = threadIdx.x / kSumLanes;
  const int channel = blockIdx.x * kSumLanes + lane;
  partial += int64_t{blockIdx.y} * blocks * channels;
  double sum = 0;
  if (channel < channels)
    for (int64_t block = row; block < blocks; block += kSumRows)
      sum += partial[block * channels + channel];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (row != 0 || channel >= channels) return;
  for (int other = 1; other < kSumRows; other++) sum += sums[other * kSumLanes + lane];
  (blockIdx.y == 0 ? first : second)[channel] = from_float<T>(static_cast<float>(sum));
}

// `second` may be null: then there is one set of rows.
template <class T>
void sum_partials(const char* op, void* stream, const float* partial, unsigned blocks, int channels,
                  T* first, T* second = nullptr) {
  launch(op, sum_partials_kernel<T>,
         dim3(static_cast<unsigned>(ceil_div(channels, kSumLanes)), second ? 2 : 1),
         kSumLanes * kSumRows, 0, stream, partial, first, second, static_cast<int>(blocks),
         channels);
}

}  // namespace dae::cuda
