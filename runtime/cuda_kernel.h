// What every .cu file includes: the few words by which kernels of this project differ from plain
// CUDA C++, so that the same source can also be compiled as C++ and run without a GPU (the tests'
// simulated GPU puts a header of this name first on the include path).
//
//   launch(op, kernel, grid, block, dynamic_shared_bytes, stream, args...)   instead of <<< >>>
//   DAE_SHARED(T, name, count)    a static __shared__ array of `count` elements
//   DAE_DYNAMIC_SHARED(T, name)   the block's dynamic shared memory, 16-byte aligned
//   DAE_UNROLLED for (...)        a loop whose iterations are all written out, DAE_ROLLED one of which
//                                 none is, where the compiler would decide otherwise
//
// and, by the names and with the layouts of the PTX ISA, what tensor cores are fed by:
//
//   mma_m16n8k16                  a warp's product of two tiles in registers
//   ldmatrix_x4, ldmatrix_x4_trans          tiles from shared memory into those registers
//   cp_async_16, cp_async_commit, cp_async_wait    copies to shared memory that go on meanwhile
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "runtime/cuda_check.h"
#include "runtime/rounding.h"

#define DAE_SHARED(T, name, count) __shared__ T name[count]
#define DAE_DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char dae_dynamic_shared_bytes[]; \
  T* name = reinterpret_cast<T*>(dae_dynamic_shared_bytes)
#define DAE_UNROLLED _Pragma("unroll")
#define DAE_ROLLED _Pragma("unroll 1")

namespace dae::cuda {

inline cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
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

// --- Tensor cores: all 32 lanes of a warp call these together -----------------------------------
//
// A fragment is a tile spread over a warp's registers. With g = lane / 4 and t = lane % 4, two bf16
// a register, the first in its lower half:
//   a (16 rows x 16 k)     a[0]: row g, k 2t and 2t+1; a[1]: row g+8, the same k;
//                          a[2]: row g, k 2t+8 and 2t+9; a[3]: row g+8, the same k
//   b (16 k x 8 columns)   b0: column g, k 2t and 2t+1; b1: k 2t+8 and 2t+9
//   sum (16 rows x 8 columns, f32)   sum[0], sum[1]: row g, columns 2t and 2t+1;
//                                    sum[2], sum[3]: row g+8

// sum += a b. Products are exact; their order of summation is the hardware's own, in f32 or better.
__device__ inline void mma_m16n8k16(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0,
                                    uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline uint32_t shared_address(const void* at) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(at));
}

// Four 8x8 matrices of 16-bit elements from shared memory: lanes 8m to 8m+7 say where the rows of
// matrix m start, each 16 bytes at a multiple of 16. Lane 4g+t gets elements 2t and 2t+1 of row g
// of matrix m in fragment[m]; transposed, element g of rows 2t and 2t+1.
__device__ inline void ldmatrix_x4(uint32_t (&fragment)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(shared_address(row))
               : "memory");
}
__device__ inline void ldmatrix_x4_trans(uint32_t (&fragment)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(shared_address(row))
               : "memory");
}

// --- Asynchronous copies: each thread begins its own and waits for its own ----------------------

// Begins to copy 16 bytes from global to shared memory, or to write zeros there where `there` is
// false, when `from` is not read; both are multiples of 16. The bytes may be read once this thread
// has waited for the group that they were committed to, by other threads after a barrier behind
// that.
__device__ inline void cp_async_16(void* to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
               "l"(__cvta_generic_to_global(from)), "r"(there ? 16 : 0)
               : "memory");
}
// What this thread has begun since the last commit becomes a group, which may be empty.
__device__ inline void cp_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most the last kPending of this thread's groups are under way.
template <int kPending>
__device__ inline void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace dae::cuda
