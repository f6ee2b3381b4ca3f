// A thin wrapper of cuDNN's graph API: what runtime/cuda_libraries.h promises, on a GPU or planned
// without one. cuDNN is opened by its soname on first use, so a program that stays on the CPU
// neither needs nor loads it; a Python environment's library is found through LD_LIBRARY_PATH.
//
// Of the engines that cuDNN's heuristics offer, those are refused that are not deterministic, and
// those that convert f32 inputs to less (TF32). On a GPU the remaining ones are timed and the
// fastest is taken; without one, the first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/cuda_libraries.h"

namespace dae::cudnn {

// Plans for the GPU that `device_json` describes (cuDNN's own serialisation), not for one at hand;
// such plans can be looked at, not run. For tests.
void plan_without_gpu(const std::string& device_json);

// The serialised description of this machine's GPU, for plan_without_gpu().
std::string describe_gpu();

// What was chosen so far, in order: for the run folder.
struct Choice {
  std::string problem, engine;
  int candidates = 0;
  size_t workspace = 0;
  double seconds = 0;  // 0 where nothing was timed
};
const std::vector<Choice>& choices();

int64_t version();  // 91002 is 9.10.2

std::shared_ptr<Routine> plan(const cuda_libraries::Convolution& problem);

}  // namespace dae::cudnn
