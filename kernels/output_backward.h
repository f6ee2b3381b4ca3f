// From the gradient of the restoration y to the gradients of what the network gave: the last step
// of every loss that is not MSE alone (which has it in its own pass: sigmoid_mse, residual_mse).
//
// Layout NHWC {N, H, W, 3}; r, and what is written for the network, dz and dr, f32 or (cuda) bf16,
// the rest f32. Throw Error naming the op and the shapes.
#pragma once

#include "kernels/loss_chunks.h"
#include "runtime/queue.h"

namespace dae {

// y = 1 / (1 + exp(-z)), so dz = dy y (1 - y).
void sigmoid_backward(const Queue& q, const Tensor& y, const Tensor& dy, const Tensor& dz);

// y = g (x + r), as in residual_mse.h: dr = dy g and dgain {N, 3} = the sum over an
// image's pixels of dy (x + r). x and gain may be empty Tensors, dgain is when gain is. `workspace`
// is f32 {loss_workspace_count(r.shape)}.
void residual_output_backward(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                              const Tensor& dy, const Tensor& dr, const Tensor& dgain,
                              const Tensor& workspace);

namespace cuda {
void sigmoid_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& dz);
void residual_output_backward(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                              const Tensor& dy, const Tensor& dr, const Tensor& dgain,
                              const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
