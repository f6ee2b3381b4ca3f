// The linear output of unet, y = g (x + r), with its mean squared error.
//
// Layout NHWC: r {N, H, W, 3}, f32 or (cuda) bf16, is what the network found, and dr has its type;
// y and x are f32 of the same shape; x is the corrupted input, or an empty Tensor (data ==
// nullptr): then y = g r. gain f32 {N, 3} is a factor an image and channel, or empty: then g = 1.
// target u8 {N, H, W, 3} stands for target / 255. Throw Error naming the op and the shapes.
#pragma once

#include "kernels/loss_chunks.h"
#include "runtime/queue.h"

namespace dae {

// y = g (x + r), not clamped.
void residual_output(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                     const Tensor& y);

// loss {1} = the mean over all elements of (y - target / 255)^2, and its gradients in the same
// pass: dr = 2 (y - t) g / count (dr may be r) and dgain {N, 3} = the sum over an image's pixels of
// 2 (y - t) (x + r) / count (empty when gain is). `workspace` is f32
// {loss_workspace_count(r.shape)}.
void residual_mse(const Queue& q, const Tensor& r, const Tensor& x, const Tensor& gain,
                  const Tensor& target, const Tensor& dr, const Tensor& dgain, const Tensor& loss,
                  const Tensor& workspace);

namespace cuda {
void residual_output(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                     const Tensor& y);
void residual_mse(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                  const Tensor& target, const Tensor& dr, const Tensor& dgain, const Tensor& loss,
                  const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
