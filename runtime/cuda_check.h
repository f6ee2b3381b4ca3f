// Checked CUDA runtime calls. Included by .cu files and by the few .cpp files that call the
// runtime. The messages are made in cuda_check.cpp: nvcc cannot compile fmt's format-string checks.
#pragma once

#include <cuda_runtime.h>

namespace dae::cuda {

// Throws DeviceLost (runtime/device.h), OutOfMemory (runtime/memory.h) or Error, naming the call
// and the place.
[[noreturn]] void fail_call(cudaError_t status, const char* call, const char* file, int line);

// After a kernel launch: throws the same, naming `op`, when the launch was refused.
void check_launch(const char* op);

}  // namespace dae::cuda

#define DAE_CUDA_CHECK(call)                                          \
  do {                                                                \
    const cudaError_t dae_status_ = (call);                           \
    if (dae_status_ != cudaSuccess)                                   \
      ::dae::cuda::fail_call(dae_status_, #call, __FILE__, __LINE__); \
  } while (false)
