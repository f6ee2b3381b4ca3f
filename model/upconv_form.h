// In which of its forms a layer "upsample by two, convolve 3x3" runs: one of the two of
// kernels/upconv_weights.h, with 2.25 times less arithmetic, or as it is said, by
// kernels/upsample.h and an ordinary convolution, which fuses bias and ReLU.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

enum class UpconvForm { transposed, phases, upsampled };

// For x {N, H, W, C} and `filters` output channels. cpu: transposed, which keeps the blocked layout
// from layer to layer. cuda: the fastest, forward and backward together, measured on the GPU at
// hand; recorded and reused like a library's engine (kernels/layers/engines.h).
UpconvForm choose_upconv_form(Device device, const Shape& x, int64_t filters, DType dtype);

}  // namespace dae
