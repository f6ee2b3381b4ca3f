// How losses over images are summed, on every device: each image is cut into chunks of kLossPixels
// pixels, a chunk leaves four partial sums (the squared error, and one for each channel's gain),
// and partial sums are added in order in fp64. The result has the same bits for every number of
// threads and every run on a device.
#pragma once

#include "runtime/rounding.h"
#include "runtime/tensor.h"

namespace dae {

inline constexpr int64_t kLossPixels = 1024;
inline constexpr int64_t kLossPartials = 4;

inline int64_t loss_chunks_an_image(const Shape& shape) {
  return ceil_div(shape[1] * shape[2], kLossPixels);
}

// The f32 elements of `workspace` in sigmoid_mse and residual_mse on tensors of `shape`.
inline int64_t loss_workspace_count(const Shape& shape) {
  return shape[0] * loss_chunks_an_image(shape) * kLossPartials;
}

}  // namespace dae
