// A thin wrapper of cuDNN's graph API: a source of engines for the convolutions of
// kernels/layers/cuda_libraries.h. cuDNN is opened by its soname on first use, so a program that
// stays on the CPU neither needs nor loads it; a Python environment's library is found through
// LD_LIBRARY_PATH.
//
// Of the engines that cuDNN's heuristics offer, those are refused that are not deterministic, that
// convert f32 inputs to less (TF32), or that sum in less than f32.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"

namespace dae::cudnn {

// What cuDNN offers for a convolution on this machine's GPU, best first, the engines that are for
// want of others last. Throws Error when it cannot describe the problem.
std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution& problem);

// The same for the GPU that `described` says, in cuDNN's own serialisation: routines of these can
// be looked at, not run.
std::vector<cuda_libraries::Candidate> candidates(const cuda_libraries::Convolution& problem,
                                                  const std::string& described);

// This machine's GPU, described like that.
std::string describe_gpu();

// Where engines are kept for the next process that took long to build: most compile their kernels, for a second or two,
// and cuDNN's own serialisation has those, too.
struct PlanStore {
  std::function<std::optional<std::string>(const std::string& engine)> find;
  std::function<void(const std::string& engine, const std::string& plan)> keep;
  double long_seconds = 0.1;
};
// From here on engines are looked for there first, by problem and settings. What cuDNN does not take is built anew.
void keep_plans(PlanStore store);

int64_t version();  // 91002 is 9.10.2

}  // namespace dae::cudnn
