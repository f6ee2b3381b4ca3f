// What is recorded of cuBLASLt, where cuda_libraries.cpp stands in for it.
#include "kernels/layers/cublaslt.h"

namespace dae::cublaslt {

int64_t version() {
  return 0;
}

}  // namespace dae::cublaslt
