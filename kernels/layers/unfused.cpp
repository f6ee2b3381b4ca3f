#include "kernels/layers/unfused.h"

#include <algorithm>

#include "kernels/activation.h"
#include "kernels/bias.h"

namespace dae::unfused {
namespace {

using cuda_libraries::Candidate;
using cuda_libraries::Convolution;
using cuda_libraries::Direction;

Convolution alone(Convolution problem) {
  problem.bias = problem.addend = problem.relu = problem.gate = problem.sums = false;
  return problem;
}

class Unfused : public Routine {
 public:
  explicit Unfused(const Convolution& problem)
      : convolution_(cuda_libraries::plan(alone(problem))),
        operands_(cuda_libraries::operands_of(problem)),
        problem_(problem) {
    if (problem.gate) partials_ = relu_bias_backward_workspace_count(operands_[2]);
  }

  // The convolution's is free again when the sums begin.
  size_t workspace_bytes() const override {
    return std::max(convolution_->workspace_bytes(),
                    static_cast<size_t>(partials_) * sizeof(float));
  }

  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    const Queue q{Device::cuda, stream};
    convolution_->run(stream, data.first(3), workspace);
    for (size_t i = 0; i < operands_.size(); i++) operands_[i].data = const_cast<void*>(data[i]);
    const Tensor& result = operands_[2];
    size_t next = 3;
    const Tensor bias = problem_.bias ? operands_[next++] : Tensor{},
                 addend = problem_.addend ? operands_[next++] : Tensor{};
    if (problem_.bias)
      bias_relu(q, bias, addend, result, problem_.relu);
    else if (problem_.addend)
      add(q, addend, result);
    if (problem_.gate)
      relu_bias_backward(q, operands_[next], result, operands_[next + 1], true,
                         {workspace, {partials_}});
  }

 private:
  std::shared_ptr<Routine> convolution_;
  std::vector<Tensor> operands_;
  Convolution problem_;
  int64_t partials_ = 0;  // elements of the workspace
};

}  // namespace

std::shared_ptr<Routine> routine_of(const Convolution& problem) {
  return std::make_shared<Unfused>(problem);
}

std::vector<Candidate> candidates(const Convolution& problem) {
  std::vector<Candidate> found;
  const Convolution& p = problem;
  const bool suits = p.direction == Direction::backward_data && p.gate == p.sums &&
                     (p.bias || !p.relu) && (p.bias || p.addend || p.gate);
  if (!suits) return found;
  Candidate& one = found.emplace_back();
  one.offer.engine = kEngine;
  one.build = [=] { return [=] { return routine_of(problem); }; };
  return found;
}

}  // namespace dae::unfused
