// The weights of "upsample by two, then convolve 3x3" as one transposed convolution.
//
// Nearest upsampling followed by a 3x3 convolution with zero padding 1 equals, in real arithmetic,
// a transposed convolution with a 4x4 kernel, stride 2 and padding 1, whose taps are, along each
// axis, [w2, w1 + w2, w0 + w1, w0]: an upsampled pixel is seen by up to two neighbouring taps,
// which share its value. That is 2.25 times less arithmetic.
//
// Layout: w3 {K, 3, 3, C} is the 3x3 convolution from C to K channels (kernels/conv2d.h); w4
// {C, 4, 4, K} is the ordinary 4x4 convolution, K to C channels, whose data gradient the transposed
// convolution is. Throw Error naming the op and the shapes. Sums of up to four terms in f32,
// rounded once where the result is bf16.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// w3 f32; w4 f32 or (cuda) bf16.
void upconv_weights(const Queue& q, const Tensor& w3, const Tensor& w4);

// Both f32 or (cuda) both bf16. dw3 from dw4, the adjoint: each 3x3 tap collects the gradients of
// the 4x4 taps it went into.
void upconv_weights_backward(const Queue& q, const Tensor& dw4, const Tensor& dw3);

namespace cuda {
void upconv_weights(void* stream, const Tensor& w3, const Tensor& w4);
void upconv_weights_backward(void* stream, const Tensor& dw4, const Tensor& dw3);
}  // namespace cuda

}  // namespace dae
