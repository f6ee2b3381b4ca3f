// Convolutions and dense layers on the GPU, planned by the libraries that have them: cuDNN and
// cuBLASLt. The seam behind which the tests' simulated GPU puts reference code
// (tests/simulated_gpu/).
//
// Images are NHWC, filters {K, kernel, kernel, C}; all operands of a problem have one type, f32 or
// bf16, and sums are f32. Throws Error naming the problem when the library cannot do it.
#pragma once

#include <memory>

#include "runtime/routine.h"
#include "runtime/tensor.h"

namespace dae::cuda_libraries {

// Opens both, which otherwise the first plan does. Throws Error saying which is not there and what
// to install.
void open();

enum class Direction { forward, backward_data, backward_weights };

// Operands, in order, those that the problem has:
//   forward            x, w, y, bias {K}, addend {as y}    y = relu?(conv(x, w) + bias + addend)
//   backward_data      dy, w, dx
//   backward_weights   x, dy, dw
struct Convolution {
  Direction direction;
  Shape x, w, y;
  int stride = 1, pad = 1;
  bool bias = false, addend = false, relu = false;
  DType dtype = DType::f32;
};
std::shared_ptr<Routine> plan(const Convolution& problem);

// A dense layer: x {batch, inputs}, w {outputs, inputs}, y {batch, outputs}, row-major. Operands as
// above: forward x, w, y, bias {outputs}; backward_data dy, w, dx; backward_weights x, dy, dw.
struct Dense {
  Direction direction;
  int64_t batch, inputs, outputs;
  bool bias = false, relu = false;
  DType dtype = DType::f32;
};
std::shared_ptr<Routine> plan(const Dense& problem);

}  // namespace dae::cuda_libraries
