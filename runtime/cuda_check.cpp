#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"

#include "runtime/error.h"

namespace dae::cuda {

void fail_call(cudaError_t status, const char* call, const char* file, int line) {
  fail("CUDA: {} failed: {} ({}:{})", call, cudaGetErrorString(status), file, line);
}

void check_launch(const char* op) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) fail("CUDA: launching {} failed: {}", op, cudaGetErrorString(status));
}

}  // namespace dae::cuda
#endif
