// Nearest-neighbour upsampling by two, and its gradient.
//
// Layout: NHWC; x is {N, H, W, C}, y is {N, 2H, 2W, C}, both f32 or (cuda) both bf16. Tensors
// blocked alike are accepted. Both throw Error naming the op and the shapes when they do not fit.
// Empty tensors are no work. With a 3x3 convolution behind it this is one of the forms of a
// network's "upsample by two, convolve" (model/upconv_form.h).
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// y[n, 2i+a, 2j+b, c] = x[n, i, j, c] for a, b in {0, 1}.
void upsample2x(const Queue& q, const Tensor& x, const Tensor& y);

// dx[n, i, j, c] = sum over a, b in {0, 1} of dy[n, 2i+a, 2j+b, c], in f32, rounded once.
void upsample2x_backward(const Queue& q, const Tensor& dy, const Tensor& dx);

namespace cuda {
void upsample2x(void* stream, const Tensor& x, const Tensor& y);
void upsample2x_backward(void* stream, const Tensor& dy, const Tensor& dx);
}  // namespace cuda

}  // namespace dae
