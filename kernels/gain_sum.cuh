// The second half of a gain's gradient on CUDA: adds the partial sums of each image's chunks.
#pragma once

#include "kernels/loss_chunks.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {

inline constexpr int kGainSumThreads = 192;

// dgain[3 n + c] = the sum over image n's chunks of partial[chunk * kLossPartials + 1 + c]. A
// thread a gain adds its image's chunks in order.
static __global__ void __launch_bounds__(kGainSumThreads)
    gain_sum_kernel(const float* __restrict__ partial, float* __restrict__ dgain, int count,
                    int64_t chunks) {
  const int i = blockIdx.x * kGainSumThreads + threadIdx.x;
  if (i >= count) return;
  double slope = 0;
  for (int64_t k = 0; k < chunks; k++)
    slope += partial[(i / 3 * chunks + k) * kLossPartials + 1 + i % 3];
  dgain[i] = static_cast<float>(slope);
}

}  // namespace dae::cuda
