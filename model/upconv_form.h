// In which of its two forms (kernels/upconv_weights.h) a layer "upsample by two, convolve 3x3"
// runs.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

enum class UpconvForm { transposed, phases };

// For x {N, H, W, C} and `filters` output channels. cpu: transposed, which keeps the blocked layout
// from layer to layer. cuda: the faster of the two, forward and backward together, measured on the
// GPU at hand; recorded and reused like a library's engine (kernels/layers/engines.h).
UpconvForm choose_upconv_form(Device device, const Shape& x, int64_t filters, DType dtype);

}  // namespace dae
