// The weights of "upsample by two, then convolve 3x3" in the two forms that work at low resolution,
// with 2.25 times less arithmetic. In real arithmetic and with zero padding 1 both equal it: an
// upsampled pixel is seen by up to two neighbouring taps, which share its value, so along each axis
// four sums of taps are all there is, [w2, w1 + w2, w0 + w1, w0].
//
//   transposed   w4 {C, 4, 4, K}: a transposed convolution with stride 2 and padding 1, which is
//                the data gradient of the ordinary 4x4 convolution, K to C channels, of these
//                weights
//   phases       w2 {4K, 2, 2, C}: an ordinary 2x2 convolution with padding 1, whose 4K channels
//                are the four phases (row, then column) of the output, for
//                kernels/pixel_shuffle.h
//
// w3 {K, 3, 3, C} is the 3x3 convolution from C to K channels (kernels/layers/conv2d.h). Which form
// is meant is read off the other tensor's shape. Throw Error naming the op and the shapes. Sums of
// up to four terms in f32, rounded once where the result is bf16.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// w3 f32; w f32 or (cuda) bf16.
void upconv_weights(const Queue& q, const Tensor& w3, const Tensor& w);

// Both f32 or (cuda) both bf16. dw3 from dw, the adjoint: each 3x3 tap collects the gradients of
// the taps it went into.
void upconv_weights_backward(const Queue& q, const Tensor& dw, const Tensor& dw3);

inline bool has_phases(const Tensor& w) {
  return w.shape[1] == 2;
}

namespace cuda {
void upconv_weights(void* stream, const Tensor& w3, const Tensor& w);
void upconv_weights_backward(void* stream, const Tensor& dw, const Tensor& dw3);
}  // namespace cuda

}  // namespace dae
