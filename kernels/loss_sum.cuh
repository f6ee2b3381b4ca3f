// The second half of a loss on CUDA: one block adds the partial sums of all chunks.
#pragma once

#include "kernels/loss_chunks.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {

inline constexpr int kLossSumThreads = 256;

// loss[0] = (sum of partial[i * kLossPartials]) / count. Each thread adds its chunks in order, then
// the block adds the threads: a fixed order, so the same bits in every run.
static __global__ void __launch_bounds__(kLossSumThreads)
    loss_sum_kernel(const float* __restrict__ partial, float* __restrict__ loss, int64_t chunks,
                    double count) {
  using Reduce = BlockReduce<double, kLossSumThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += kLossSumThreads) sum += partial[i * kLossPartials];
  sum = Reduce(storage[0]).Sum(sum);
  if (threadIdx.x == 0) loss[0] = static_cast<float>(sum / count);
}

}  // namespace dae::cuda
