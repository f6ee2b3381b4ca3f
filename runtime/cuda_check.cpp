#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"

#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae::cuda {
namespace {

// Errors after which CUDA says of itself that the process must end: every later call returns them.
bool is_sticky(cudaError_t status) {
  switch (status) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void fail_with(cudaError_t status, const std::string& where) {
  const char* const what = cudaGetErrorString(status);
  if (is_sticky(status))
    throw DeviceLost(fmt::format("the GPU cannot go on: {} (noticed by {})", what, where));
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaGetLastError();  // this error alone is over
    cudaMemGetInfo(&free, &total);
    throw OutOfMemory(fmt::format("{} on the GPU, which has {} of {} free ({})", what,
                                  show_bytes(free), show_bytes(total), where));
  }
  fail("CUDA: {} failed: {}", where, what);
}

}  // namespace

void fail_call(cudaError_t status, const char* call, const char* file, int line) {
  fail_with(status, fmt::format("{} at {}:{}", call, file, line));
}

void check_launch(const char* op) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) fail_with(status, fmt::format("launching {}", op));
}

}  // namespace dae::cuda
#endif
