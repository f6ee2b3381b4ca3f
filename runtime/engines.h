// How a library's engine is chosen for a problem, for cuDNN and cuBLASLt alike: the one that was
// recorded, if it is still offered; else the fastest of those offered, measured once a problem on
// the GPU at hand; without a GPU (tests plan for one that is described) the first.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dae::cuda_libraries {

// What was chosen, for the run folder.
struct Choice {
  std::string problem;  // "cuDNN forward of bf16 16x64x64x32 by 32x3x3x32 to ..., bias, ReLU"
  std::string engine;   // "engine 57, knobs 2=5 13=1": its number and settings
  int candidates = 0;
  size_t workspace = 0;
  double seconds = 0;  // median of a call; 0 where nothing was timed
};
const std::vector<Choice>& choices();  // a problem once, in order

// From here on a problem that is among `recorded` gets the engine it had then, untimed. Where that
// is not offered any more, or the problem is new, the engine is chosen anew: bits may then differ
// from the recorded run's.
void reuse(const std::vector<Choice>& recorded);

// For the libraries' wrappers. Returns the index of the chosen one of `offered`, of which there is
// at least one, and records it. `time` gives the seconds of a call of one of them; empty: no GPU.
struct Offer {
  std::string engine;
  size_t workspace = 0;
};
size_t choose(const std::string& problem, const std::vector<Offer>& offered,
              const std::function<double(size_t)>& time);

}  // namespace dae::cuda_libraries
