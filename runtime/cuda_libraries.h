// Convolutions and matrix products on the GPU, planned by the libraries that have them. The seam
// behind which the tests' simulated GPU puts reference code (tests/simulated_gpu/).
//
// All tensors are f32, images NHWC, filters {K, kernel, kernel, C}. Throws Error naming the problem
// when no library can do it.
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

// The dense layer y {N, O} = relu?(x {N, I} w {O, I}^T + b {O}). Operands: forward {x, w, b, y};
// backward_data {dy, w, dx}; backward_weights {x, dy, dw}.
struct Dense {
  Direction direction;
  int64_t batch = 0, inputs = 0, outputs = 0;
  bool relu = false;
};
std::shared_ptr<Routine> plan(const Dense& problem);

}  // namespace dae::cuda_libraries
