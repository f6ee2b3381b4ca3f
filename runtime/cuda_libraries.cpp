#include "runtime/cuda_libraries.h"

#include "runtime/cudnn.h"

namespace dae::cuda_libraries {

std::shared_ptr<Routine> plan(const Convolution& problem) {
  return cudnn::plan(problem);
}

}  // namespace dae::cuda_libraries
