// A thin wrapper of cuBLASLt: the dense layers of kernels/layers/cuda_libraries.h, with bias and
// ReLU in the product's epilogue. Opened by its soname on first use, like cuDNN.
//
// f32 products are f32 (no TF32), bf16 ones are summed in f32. Split sums are added in a fixed
// order, in the workspace: the same bits in every run.
#pragma once

#include <memory>

#include "kernels/layers/cuda_libraries.h"

namespace dae::cublaslt {

void open();        // the library
int64_t version();  // 130100 is 13.1.0
std::shared_ptr<Routine> plan(const cuda_libraries::Dense& problem);

}  // namespace dae::cublaslt
