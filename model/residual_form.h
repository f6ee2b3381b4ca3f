// In which form a residual block runs: its two convolutions one by one, each by the engine that is
// chosen for it, or both at once, by kernels/residual_block.h, on the way back with the second filters' gradient
// or without.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

enum class ResidualForm { convolutions, at_once, with_filters };

// Under which the last one is recorded; that before it is as mma::kEngine (kernels/layers/mma_candidates.h).
inline constexpr const char* kResidualWithFilters = "mma.sync, tiles of 16x16, filters too";

// Of a block of maps {N, H, W, C}, by itself and on the way back, as far as the forms differ: the
// first filters' gradient is a convolution in all of them, and the ends of the biases' sums are left for later.
// Always by convolutions on the CPU and of maps that are not for tensor cores. Elsewhere the fastest, measured on
// the GPU at hand; recorded and reused like a library's engine (kernels/layers/engines.h). `keeps` says that the map between is needed
// afterwards.
ResidualForm choose_residual_forward(Device device, const Tensor& map, bool keeps);
ResidualForm choose_residual_backward(Device device, const Tensor& map);

}  // namespace dae
