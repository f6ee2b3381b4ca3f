// This project's own convolutions on tensor cores as a source of candidates for those of
// kernels/layers/cuda_libraries.h.
#pragma once

#include <vector>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"

namespace dae::mma {

// Under which it is recorded that an own kernel was chosen.
inline constexpr const char* kEngine = "mma.sync, tiles of 16x16";

// kernels/conv3x3_mma.h for a forward convolution with a bias, kernels/conv3x3_mma_weights.h for a
// weight gradient: one of them, or none where the problem is not for it.
std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution& problem);

}  // namespace dae::mma
