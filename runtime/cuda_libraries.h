// Convolutions on the GPU, planned by the library that has them (cuDNN); a dense layer is a
// convolution of images of one pixel. The seam behind which the tests' simulated GPU puts reference
// code (tests/simulated_gpu/).
//
// All tensors are f32, images NHWC, filters {K, kernel, kernel, C}. Throws Error naming the problem
// when the library cannot do it.
#pragma once

#include <memory>

#include "runtime/routine.h"
#include "runtime/tensor.h"

namespace dae::cuda_libraries {

enum class Direction { forward, backward_data, backward_weights };

// Operands: forward {x, w, y} or, with bias, {x, w, y, b} (y = relu?(conv(x, w) + b));
// backward_data {dy, w, dx}; backward_weights {x, dy, dw}.
struct Convolution {
  Direction direction;
  Shape x, w, y;
  int stride = 1, pad = 1;
  bool bias = false, relu = false;
};
std::shared_ptr<Routine> plan(const Convolution& problem);

}  // namespace dae::cuda_libraries
