// Convolutions and dense layers on the GPU, planned for the library or kernel that computes them
// fastest: convolutions by one of cuDNN's engines or a kernel of this project's, dense layers by one
// of cuBLASLt's. The seam behind which the tests' simulated GPU puts reference code
// (tests/simulated_gpu/).
//
// A convolution is chosen among candidates from a list of sources, kSources in cuda_libraries.cpp:
// functions from a problem to what they have for it, none where the problem is not for them. Ours
// (kernels/layers/mma_candidates.h) stand beside cuDNN's engines, and what fuses beside what does not
// (kernels/layers/unfused.h). A candidate is a name, which is recorded and
// so stands for the same bits for ever, and a function that makes routines, whose operands come in
// the order below. The fastest is taken, by its time on the GPU at hand, and found again by its
// name (kernels/layers/engines.h); eight are timed, so what is few stands before what is many.
//
// Images are NHWC, filters {K, kernel, kernel, C}; all operands of a problem have one type, f32 or
// bf16, and sums are f32. Throws Error naming the problem when the library cannot do it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/layers/routine.h"
#include "runtime/tensor.h"

namespace dae::cuda_libraries {

// Opens both, which otherwise the first plan does. Throws Error saying which is not there and what
// to install.
void open();

enum class Direction { forward, backward_data, backward_weights };
const char* in_words(Direction direction);  // "data gradient"

// Operands, in order, those that the problem has:
//   forward            x, w, y     y = conv(x, w)
//   backward_data      dy, w, dx
//   backward_weights   x, dy, dw
// and, of forward and backward_data, what is done to each number r of the result before it is
// rounded, in this order, and the operands for it:
//   addend {as the result}   r + addend
//   bias {its channels}      r + bias
//   relu                     r > 0 ? r : 0
//   gate {as the result}     gate > 0 ? r : 0: ReLU's gradient, where gate is what that ReLU gave
//   sums {rows, channels}    f32, written: rows that add up to each channel's sum over images and pixels, of r
//                            before or after it is rounded, for kernels/partial_sums.h; as many as the routine's
//                            sum_rows() says, at most those of kernels/bias.h's bias_backward_sums()
// in the order bias, addend, gate, sums after the first three.
struct Convolution {
  Direction direction;
  Shape x, w, y;
  int stride = 1, pad = 1;
  bool bias = false, addend = false, relu = false, gate = false, sums = false;
  DType dtype = DType::f32;
};
std::shared_ptr<Routine> plan(const Convolution& problem);

// The same by the library alone: what this project's kernels are measured against.
std::shared_ptr<Routine> plan_by_library(const Convolution& problem);

// Shapes and types of the operands, in order, without memory.
std::vector<Tensor> operands_of(const Convolution& problem);

// "data gradient of bf16 16x64x64x32 by 32x3x3x32 to 16x64x64x32, stride 1, addend": the problem in
// words, which also tell it from every other (shapes and stride leave one padding).
std::string describe(const Convolution& problem);

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
