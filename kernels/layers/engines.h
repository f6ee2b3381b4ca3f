// How an engine is chosen for a problem among those of cuDNN, of cuBLASLt, or of this project's own
// kernels beside them: the one that was recorded, if it is still offered and can be built; else the
// fastest of those offered, measured once a problem on the GPU at hand, so that all plans of a
// process have the same; without a GPU (tests plan
// for one that is described) the first that can be built.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/layers/routine.h"
#include "runtime/error.h"

namespace dae::cuda_libraries {

// The library has no engine for a problem, or none that can be used.
class NoEngine : public Error {
 public:
  using Error::Error;
};

// What was chosen, for the run folder and for the next process.
struct Choice {
  std::string problem;  // "cuDNN forward of bf16 16x64x64x32 by 32x3x3x32 to ..., bias, ReLU"
  std::string engine;   // "engine 57, knobs 2=5 13=1": its number and settings
  int candidates = 0;
  size_t workspace = 0;
  double seconds = 0;  // median of a call; 0 where nothing was timed
};
std::vector<Choice> choices();  // a problem once, with the engine that it got last

// From here on a problem that is among `recorded` gets the engine it had then, untimed. Where that
// is not offered any more, or the problem is new, the engine is chosen anew: bits may then differ
// from the recorded run's.
void reuse(const std::vector<Choice>& recorded);

// The same for what earlier processes chose on this machine; what reuse() was given comes first.
// `note` is called with every choice that was timed, for the next process.
void remember(const std::vector<Choice>& earlier, std::function<void(const Choice&)> note);

// For the libraries' wrappers.
struct Offer {
  std::string engine;
  bool compiles = false;  // building it runs a compiler, for a second or two
};
// What a wrapper can do with its offers, by their places.
struct Candidates {
  std::vector<Offer> offered;
  // Gets an offer ready and returns its bytes of workspace. Throws Error when it cannot be used.
  std::function<size_t(size_t)> build;
  // The seconds of a call of one that was built. Empty: there is no GPU.
  std::function<double(size_t)> time;
};

// The place of the chosen one, which was built, and a record of it. Threads choose one at a time, or one would
// measure the other. Of those offered eight are
// built and timed, of those that compile two; one that fails is passed over. When none
// is left it throws the OutOfMemory of one that had too little, else NoEngine naming the problem;
// DeviceLost at once.
size_t choose(const std::string& problem, const Candidates& candidates);

// A way to compute a problem that whoever has it offers (kernels/layers/cuda_libraries.cpp).
using MakeRoutine = std::function<std::shared_ptr<Routine>()>;  // one for each layer
struct Candidate {
  Offer offer;
  // Gets it ready. Throws Error when it cannot be used.
  std::function<MakeRoutine()> build;
};

// The same among these, from whatever sources; without `time` none is timed.
MakeRoutine choose(const std::string& problem, const std::vector<Candidate>& candidates,
                   const std::function<double(Routine&)>& time);

}  // namespace dae::cuda_libraries
