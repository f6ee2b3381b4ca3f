// The forward convolution on a GPU, with bias, addend and ReLU: fused where an engine is offered
// for that, else as kernels/layers/unfused.h has it.
#pragma once

#include <memory>

#include "kernels/layers/cuda_libraries.h"

namespace dae {

// Operands as kernels/layers/cuda_libraries.h has them. Throws Error when the convolution cannot be
// done, or when the problem has an addend or ReLU without a bias, which nothing here needs.
std::shared_ptr<Routine> plan_cuda_forward(const cuda_libraries::Convolution& problem);

}  // namespace dae
