#include "kernels/layers/cuda_libraries.h"

#include <map>
#include <span>

#include "kernels/layers/cublaslt.h"
#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/cudnn.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/mma_candidates.h"
#include "kernels/layers/unfused.h"
#include "runtime/varied_buffer.h"

namespace dae::cuda_libraries {
namespace {

constexpr int kTimedRuns = 5;

// Who has ways to compute a convolution; those in front are tried first.
using Source = std::vector<Candidate> (*)(const Convolution&);
constexpr Source kSources[] = {mma::candidates, unfused::candidates, cudnn::candidates},
                 kLibrary[] = {cudnn::candidates};

MakeRoutine fastest(const Convolution& problem, const std::string& name,
                    std::span<const Source> sources) {
  std::vector<Candidate> candidates;
  for (const Source source : sources)
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

std::shared_ptr<Routine> plan_by(std::span<const Source> sources, const Convolution& problem,
                                 const std::string& name) {
  static std::map<std::string, MakeRoutine> chosen;
  MakeRoutine& make = chosen[name];
  if (!make) make = fastest(problem, name, sources);
  return make();
}

}  // namespace

void open() {
  cudnn::version();
  cublaslt::open();
}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  return plan_by(kSources, problem, "cuDNN " + describe(problem));
}

std::shared_ptr<Routine> plan_by_library(const Convolution& problem) {
  return plan_by(kLibrary, problem, "cuDNN alone, " + describe(problem));
}

std::shared_ptr<Routine> plan(const Dense& problem) {
  return cublaslt::plan(problem);
}

}  // namespace dae::cuda_libraries
