// The simulated GPU's cuda_runtime.h: stands first on the include path when .cu files are compiled
// as C++ for the tests. It has the words of CUDA C++ and of the runtime that this project uses, and
// nothing else, so what cannot be simulated does not compile. README.md says how it works.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

// --- The language -----------------------------------------------------------------------------

#define __global__
#define __grid_constant__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
// Shared memory needs red zones: runtime/cuda_kernel.h declares it.
#define __shared__ static_assert(false, "declare shared memory with DAE_SHARED");
#define __constant__ static_assert(false, "constant memory is not simulated");
#define __managed__ static_assert(false, "managed memory is not simulated");

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(4) uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}

namespace simulated {

// The CUDA thread that runs now. Outside kernels there is none.
struct Thread {
  uint3 thread{}, block{};
  dim3 block_dim, grid_dim;
  unsigned linear = 0;  // in its block
};
const Thread& this_thread();

void sync_threads(const char* file, int line);
void sync_warp(unsigned mask, const char* file, int line);
// Meets the lanes of `mask` and returns the value that lane `from` brought.
uint64_t exchange(unsigned mask, uint64_t value, unsigned from, const char* file, int line);
unsigned ballot(unsigned mask, bool vote, const char* file, int line);

inline unsigned lane() {
  return this_thread().linear % 32;
}
template <class T>
T shuffle(unsigned mask, T value, unsigned from, const char* file, int line) {
  static_assert(sizeof(T) <= 8, "shuffles move at most eight bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(mask, bits, from, file, line);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
// A relaxed read-modify-write, as the hardware's: to ThreadSanitizer no edge, and no race.
template <class T, class F>
T atomic_update(T* at, F f) {
  T old = __atomic_load_n(at, __ATOMIC_RELAXED), now = f(old);
  while (!__atomic_compare_exchange(at, &old, &now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    now = f(old);
  return old;
}

}  // namespace simulated

#define threadIdx (::simulated::this_thread().thread)
#define blockIdx (::simulated::this_thread().block)
#define blockDim (::simulated::this_thread().block_dim)
#define gridDim (::simulated::this_thread().grid_dim)
#define warpSize 32

#define __syncthreads() ::simulated::sync_threads(__FILE__, __LINE__)
#define __syncwarp(mask) ::simulated::sync_warp((mask), __FILE__, __LINE__)
#define __shfl_sync(mask, value, from) \
  ::simulated::shuffle((mask), (value), unsigned(from) % 32, __FILE__, __LINE__)
#define __shfl_xor_sync(mask, value, bits) \
  ::simulated::shuffle((mask), (value), ::simulated::lane() ^ unsigned(bits), __FILE__, __LINE__)
#define __shfl_down_sync(mask, value, by)                       \
  ::simulated::shuffle((mask), (value),                         \
                       ::simulated::lane() + unsigned(by) < 32  \
                           ? ::simulated::lane() + unsigned(by) \
                           : ::simulated::lane(),               \
                       __FILE__, __LINE__)
#define __ballot_sync(mask, vote) ::simulated::ballot((mask), (vote), __FILE__, __LINE__)
#define __any_sync(mask, vote) (::simulated::ballot((mask), (vote), __FILE__, __LINE__) != 0)
#define __all_sync(mask, vote) (::simulated::ballot((mask), !(vote), __FILE__, __LINE__) == 0)

// A load by the path of what nobody writes while the kernel runs.
template <class T>
T __ldg(const T* at) {
  return *at;
}
inline unsigned atomicAdd(unsigned* at, unsigned value) {
  return simulated::atomic_update(at, [=](unsigned old) { return old + value; });
}
inline int atomicMax(int* at, int value) {
  return simulated::atomic_update(at, [=](int old) { return old > value ? old : value; });
}
// Floating-point atomics are left out: their order of additions, and so the result's bits, changes
// from run to run, which this project does not accept.

// --- The runtime ------------------------------------------------------------------------------

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidDevice = 101,
  cudaErrorECCUncorrectable = 214,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchTimeout = 702,
  cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorStreamCaptureUnjoined = 904
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal };
inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2,
                          cudaHostAllocDefault = 0;

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaGraph_t = struct CUgraph_st*;
using cudaGraphExec_t = struct CUgraphExec_st*;
using cudaMemPool_t = struct CUmemPoolHandle_st*;
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4 };
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
cudaError_t cudaGetDeviceCount(int* count);
// The part of cudaDeviceProp that is asked for. The L2 cache is small, so that what is sized by it
// (ceilings, benchmarks) is quick here.
struct cudaDeviceProp {
  char name[256];
  int l2CacheSize;
};
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes_to_keep);
cudaError_t cudaMallocAsync(void** data, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* data, cudaStream_t stream);
cudaError_t cudaMalloc(void** data, size_t bytes);
cudaError_t cudaFree(void* data);
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* data);
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemset(void* to, int value, size_t bytes);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
// Time is not simulated: any two events lie a microsecond apart.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
