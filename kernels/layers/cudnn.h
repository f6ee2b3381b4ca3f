// A thin wrapper of cuDNN's graph API: the convolutions of kernels/layers/cuda_libraries.h, on a
// GPU or planned without one. cuDNN is opened by its soname on first use, so a program that stays
// on the CPU neither needs nor loads it; a Python environment's library is found through
// LD_LIBRARY_PATH.
//
// Of the engines that cuDNN's heuristics offer, those are refused that are not deterministic, that
// convert f32 inputs to less (TF32), or that sum in less than f32; kernels/layers/engines.h chooses
// among the rest.
#pragma once

#include <memory>
#include <string>

#include "kernels/layers/cuda_libraries.h"

namespace dae::cudnn {

// Plans for the GPU that `device_json` describes (cuDNN's own serialisation), not for one at hand;
// such plans can be looked at, not run. For tests.
void plan_without_gpu(const std::string& device_json);

// The serialised description of this machine's GPU, for plan_without_gpu().
std::string describe_gpu();

int64_t version();  // 91002 is 9.10.2

std::shared_ptr<Routine> plan(const cuda_libraries::Convolution& problem);

}  // namespace dae::cudnn
