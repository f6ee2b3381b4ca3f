#include "runtime/cuda_libraries.h"

#include "runtime/cublaslt.h"
#include "runtime/cudnn.h"

namespace dae::cuda_libraries {

std::shared_ptr<Routine> plan(const Convolution& problem) {
  return cudnn::plan(problem);
}

std::shared_ptr<Routine> plan(const Dense& problem) {
  return cublaslt::plan(problem);
}

}  // namespace dae::cuda_libraries
