// A bias a channel with an addition and ReLU, and their gradients, for what a library's epilogue
// does not cover: transposed convolutions; on CUDA the gradients of every layer.
//
// Layout: y, dy and addend {N, H, W, C}, plain or (cpu) blocked; b, db {C}. All of one type, f32 or
// (cuda) bf16, but that db may be f32 for bf16; sums are f32 and rounded once. Both throw Error naming the op and the shapes when
// they do not fit.
#pragma once

#include <algorithm>

#include "runtime/queue.h"
#include "runtime/rounding.h"
#include "runtime/tensor.h"

namespace dae {

// In place: y = y + b + addend, then max(y, 0) when `relu`. `addend` may be an empty Tensor. Exact
// (in f32): the same bits on every device.
void bias_relu(const Queue& q, const Tensor& b, const Tensor& addend, const Tensor& y, bool relu);

// With `relu`, first in place dy = y > 0 ? dy : 0, where y is what bias_relu gave; without, y may
// be an empty Tensor. Then db[c] = sum over n, h, w of dy, written, not added to; partial sums of
// fixed chunks of pixels, added in order, so the same bits for every number of threads and every
// run. `workspace` is f32 {relu_bias_backward_workspace_count(dy)}. On CUDA db may be an empty Tensor:
// then it has the shape bias_backward_sums(dy), and is left as the rows that kernels/partial_sums.h adds up.
void relu_bias_backward(const Queue& q, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace);
int64_t relu_bias_backward_workspace_count(const Tensor& dy);

// CUDA: the pixels whose gradients one block adds.
inline int64_t bias_backward_pixels_a_block(int64_t pixels) {
  return std::max<int64_t>(64, (pixels + 1023) / 1024);
}
inline int64_t bias_backward_blocks(int64_t pixels) {
  const int64_t each = bias_backward_pixels_a_block(pixels);
  return ceil_div(pixels, each);
}
// Rows of sums of this map's channels, one of each block.
inline Shape bias_backward_sums(const Shape& map) {
  return {bias_backward_blocks(map[0] * map[1] * map[2]), map[3]};
}

namespace cuda {
void bias_relu(void* stream, const Tensor& b, const Tensor& addend, const Tensor& y, bool relu);
void relu_bias_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
