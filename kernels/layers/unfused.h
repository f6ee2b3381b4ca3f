// Convolutions with what is done to their results, one by one: an engine for the convolution, alone or with
// what comes before the sums, then the kernels of kernels/bias.h and kernels/activation.h.
#pragma once

#include <memory>
#include <vector>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"

namespace dae::unfused {

// Of a problem with any of bias, bias and ReLU, addend, sums, and gate and sums. Operands as
// kernels/layers/cuda_libraries.h has them.
std::shared_ptr<Routine> routine_of(const cuda_libraries::Convolution& problem);

// A candidate for a data gradient of that kind and for sums, to be timed against engines that fuse; none for
// others. (Forward without sums, where every layer has a bias and nothing is to be gained, it is left for want
// of an engine: kernels/layers/cuda_forward.h.)
std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution& problem);

// Under which it is recorded that it was chosen.
inline constexpr const char* kEngine = "convolution, then the rest";

}  // namespace dae::unfused
