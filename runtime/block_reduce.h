// CUB's block reductions: the result is valid in thread 0 only. A header of its own, since what CUB includes
// takes nvcc three times as long as a kernel: only those that reduce include it.
#pragma once

#include <cub/block/block_reduce.cuh>

#include "runtime/cuda_kernel.h"

namespace dae::cuda {

template <class T, int kThreads>
using BlockReduce = cub::BlockReduce<T, kThreads>;

}  // namespace dae::cuda
