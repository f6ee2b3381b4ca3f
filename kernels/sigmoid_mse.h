// The sigmoid output of fc and conv with its mean squared error.
//
// Layout NHWC: z {N, H, W, 3}, f32 or (cuda) bf16, are logits, and dz has its type; y is f32,
// target u8 of the same shape and stands for target / 255. y = 1 / (1 + exp(-z)). Throw Error
// naming the op and the shapes.
#pragma once

#include "kernels/loss_chunks.h"
#include "runtime/queue.h"

namespace dae {

void sigmoid(const Queue& q, const Tensor& z, const Tensor& y);

// loss {1} = the mean over all elements of (y - target / 255)^2 and dz = d loss / d z =
// 2 (y - t) y (1 - y) / count, in one pass. dz may be z. `workspace` is f32
// {loss_workspace_count(z.shape)}.
void sigmoid_mse(const Queue& q, const Tensor& z, const Tensor& target, const Tensor& dz,
                 const Tensor& loss, const Tensor& workspace);

namespace cuda {
void sigmoid(void* stream, const Tensor& z, const Tensor& y);
void sigmoid_mse(void* stream, const Tensor& z, const Tensor& target, const Tensor& dz,
                 const Tensor& loss, const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
