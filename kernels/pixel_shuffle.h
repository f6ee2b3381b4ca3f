// The second half of "upsample by two, then convolve" in its form by phases
// (kernels/upconv_weights.h): puts the four phases that a 2x2 convolution made into their places,
// and adds bias and ReLU on the way; and its gradient.
//
// Layout NHWC, plain: z, dz {N, H + 1, W + 1, 4K}; y, dy {N, 2H, 2W, K}; b {K}. All of one type,
// f32 or (cuda) bf16. Throw Error naming the op and the shapes. Exact but for the rounding of the
// sum: the same bits on every device.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// y[n, 2i + a, 2j + b, k] = relu?(z[n, i + a, j + b, (2a + b) K + k] + bias[k]) for a, b in {0, 1}.
void pixel_shuffle(const Queue& q, const Tensor& z, const Tensor& bias, const Tensor& y, bool relu);

// dz, written wholly: dy where it went, zero at the borders, which no output reads. dy is the
// gradient before ReLU (kernels/bias.h makes that, and the bias's).
void pixel_shuffle_backward(const Queue& q, const Tensor& dy, const Tensor& dz);

namespace cuda {
void pixel_shuffle(void* stream, const Tensor& z, const Tensor& bias, const Tensor& y, bool relu);
void pixel_shuffle_backward(void* stream, const Tensor& dy, const Tensor& dz);
}  // namespace cuda

}  // namespace dae
