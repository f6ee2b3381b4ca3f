// The losses that look at one element at a time, as terms of a sum (loss_term.h). With e = y -
// target / 255 and means over all elements:
//
//   mse_loss  mean e^2   d/dy = 2 e / count
//   l1_loss   mean |e|   d/dy = sign(e) / count, with sign(0) = 0 of the possible subgradients
//
// MSE alone has a pass of its own that never writes y: sigmoid_mse, residual_mse. Throw Error
// naming the op and the shapes.
#pragma once

#include "kernels/loss_term.h"

namespace dae {

// The f32 elements of `workspace` on tensors of `shape`.
int64_t pixel_loss_workspace_count(const Shape& shape);

void mse_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
              const Tensor& workspace);
void l1_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
             const Tensor& workspace);

namespace cuda {
// The gradient, and the partial sums of each chunk of kPixelLossChunk elements: values {chunks} of
// the term, squares {chunks} of its slope.
void mse_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
              float* values, float* squares);
void l1_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
             float* values, float* squares);
}  // namespace cuda

}  // namespace dae
