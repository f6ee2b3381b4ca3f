#include "kernels/layers/cuda_libraries.h"

#include "kernels/layers/cublaslt.h"
#include "kernels/layers/cudnn.h"

namespace dae::cuda_libraries {

void open() {
  cudnn::version();
  cublaslt::open();
}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  return cudnn::plan(problem);
}

std::shared_ptr<Routine> plan(const Dense& problem) {
  return cublaslt::plan(problem);
}

}  // namespace dae::cuda_libraries
