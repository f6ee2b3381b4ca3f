// How an op's .cpp chooses between its CPU and its CUDA form.
#pragma once

#include "runtime/error.h"
#include "runtime/queue.h"

// Runs the CPU or the CUDA form of an op. The CUDA branch is compiled only where there are CUDA
// kernels; elsewhere reaching it is an error (programs refuse --device cuda long before).
#ifdef DAE_HAS_CUDA
#define DAE_DISPATCH(queue, cpu_call, cuda_call) \
  do {                                           \
    if ((queue).device == ::dae::Device::cuda) { \
      cuda_call;                                 \
    } else {                                     \
      cpu_call;                                  \
    }                                            \
  } while (false)
#else
#define DAE_DISPATCH(queue, cpu_call, cuda_call)                                          \
  do {                                                                                    \
    if ((queue).device == ::dae::Device::cuda)                                            \
      ::dae::fail("this build has no CUDA part: build it where nvcc is, or use the CPU"); \
    cpu_call;                                                                             \
  } while (false)
#endif
