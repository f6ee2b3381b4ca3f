// What every .cu file includes: the few words by which kernels of this project differ from plain
// CUDA C++, so that the same source can also be compiled as C++ and run without a GPU (the tests'
// simulated GPU puts a header of this name first on the include path).
//
//   launch(op, kernel, grid, block, dynamic_shared_bytes, stream, args...)   instead of <<< >>>
//   DAE_SHARED(T, name, count)    a static __shared__ array of `count` elements
//   DAE_DYNAMIC_SHARED(T, name)   the block's dynamic shared memory, 16-byte aligned
//   BlockReduce<T, kThreads>      CUB's block reductions (the result is valid in thread 0 only)
//   DAE_UNROLLED for (...)        a loop whose iterations are all written out, DAE_ROLLED one of which
//                                 none is, where the compiler would decide otherwise
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cub/block/block_reduce.cuh>

#include "runtime/cuda_check.h"

#define DAE_SHARED(T, name, count) __shared__ T name[count]
#define DAE_DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char dae_dynamic_shared_bytes[]; \
  T* name = reinterpret_cast<T*>(dae_dynamic_shared_bytes)
#define DAE_UNROLLED _Pragma("unroll")
#define DAE_ROLLED _Pragma("unroll 1")

namespace dae::cuda {

template <class T, int kThreads>
using BlockReduce = cub::BlockReduce<T, kThreads>;

inline cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

template <class T>
constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

// Launches kernel(args...) on `stream`; a launch that CUDA refuses throws Error naming `op`. Of
// `shared_bytes` a block may have 227 KiB, less its static arrays.
template <class... Params, class... Args>
void launch(const char* op, void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes,
            void* stream, Args&&... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;  // an empty tensor is no work
  if (shared_bytes > 0)  // unasked, a block has 48 KiB, its static arrays included
    DAE_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(shared_bytes)));
  kernel<<<grid, block, shared_bytes, stream_of(stream)>>>(static_cast<Params>(args)...);
  check_launch(op);
}

}  // namespace dae::cuda
