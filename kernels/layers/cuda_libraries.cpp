#include "kernels/layers/cuda_libraries.h"

#include <map>

#include "kernels/layers/cublaslt.h"
#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/cudnn.h"
#include "kernels/layers/engines.h"
#include "runtime/varied_buffer.h"

namespace dae::cuda_libraries {
namespace {

constexpr int kTimedRuns = 5;

// Who has ways to compute a convolution; those in front are tried first.
using Source = std::vector<Candidate> (*)(const Convolution&);
constexpr Source kSources[] = {cudnn::candidates};

MakeRoutine fastest(const Convolution& problem, const std::string& name) {
  std::vector<Candidate> candidates;
  for (const Source source : kSources)
    for (Candidate& candidate : source(problem)) candidates.push_back(std::move(candidate));
  if (candidates.empty())
    throw NoEngine(fmt::format("no deterministic {} engine is offered for {}, not by cuDNN {}",
                               name_of(problem.dtype), name, cudnn::version()));
  std::vector<Buffer> operands;  // made when the first is timed
  return choose(name, candidates, [&](Routine& routine) {
    if (operands.empty())
      for (const Tensor& t : operands_of(problem))
        operands.push_back(varied_buffer(Device::cuda, t.shape.count(), t.dtype));
    return cuda::median_seconds(kTimedRuns, routine, operands);
  });
}

}  // namespace

void open() {
  cudnn::version();
  cublaslt::open();
}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  static std::map<std::string, MakeRoutine> chosen;
  const std::string name = "cuDNN " + describe(problem);
  MakeRoutine& make = chosen[name];
  if (!make) make = fastest(problem, name);
  return make();
}

std::shared_ptr<Routine> plan(const Dense& problem) {
  return cublaslt::plan(problem);
}

}  // namespace dae::cuda_libraries
