// A bias a channel with ReLU, and their gradients, for what a library's epilogue does not cover: on
// the CPU, transposed convolutions.
//
// Layout: y, dy f32 {N, H, W, C}, plain or (cpu) blocked; b, db f32 {C}. Both throw Error naming
// the op and the shapes when they do not fit.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// In place: y = y + b, then max(y, 0) when `relu`. Exact: the same bits on every device.
void bias_relu(const Queue& q, const Tensor& b, const Tensor& y, bool relu);

// With `relu`, first in place dy = y > 0 ? dy : 0, where y is what bias_relu gave; without, y may
// be an empty Tensor. Then db[c] = sum over n, h, w of dy, written, not added to; partial sums of
// fixed chunks of pixels, added in order, so the same bits for every number of threads and every
// run. `workspace` is f32 {relu_bias_backward_workspace_count(dy)}.
void relu_bias_backward(const Queue& q, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace);
int64_t relu_bias_backward_workspace_count(const Tensor& dy);

namespace cuda {
void bias_relu(void* stream, const Tensor& b, const Tensor& y, bool relu);
void relu_bias_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
