#include "kernels/layers/unfused.h"

#include "kernels/activation.h"
#include "kernels/bias.h"

namespace dae::unfused {
namespace {

using cuda_libraries::Candidate;
using cuda_libraries::Convolution;
using cuda_libraries::Direction;

// What one library's engine or more are planned for, before the kernels: sums without a gate are a pass that
// reads the result whatever was done to it, with one they come from the pass that ReLU's gradient needs.
Convolution before_kernels(Convolution problem) {
  if (problem.gate || !problem.sums)
    problem.bias = problem.addend = problem.relu = problem.gate = false;
  problem.sums = false;
  return problem;
}

class Unfused : public Routine {
 public:
  explicit Unfused(const Convolution& problem)
      : problem_(problem),
        first_problem_(before_kernels(problem)),
        first_(cuda_libraries::plan(first_problem_)),
        operands_(cuda_libraries::operands_of(problem)) {}

  size_t workspace_bytes() const override { return first_->workspace_bytes(); }
  int64_t sum_rows() const override { return problem_.sums ? operands_.back().shape[0] : 1; }

  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    const Queue q{Device::cuda, stream};
    const bool more_is_done = first_problem_.bias || first_problem_.addend;
    size_t next = 3;
    for (size_t i = 0; i < operands_.size(); i++) operands_[i].data = const_cast<void*>(data[i]);
    const Tensor& result = operands_[2];
    const Tensor bias = problem_.bias ? operands_[next++] : Tensor{},
                 addend = problem_.addend ? operands_[next++] : Tensor{};
    first_->run(stream, data.first(more_is_done ? next : 3), workspace);
    if (problem_.bias && !more_is_done)
      bias_relu(q, bias, addend, result, problem_.relu);
    else if (problem_.addend && !more_is_done)
      add(q, addend, result);
    if (problem_.sums)
      relu_bias_backward(q, problem_.gate ? operands_[next] : Tensor{}, result, {}, problem_.gate,
                         operands_.back());
  }

 private:
  Convolution problem_, first_problem_;
  std::shared_ptr<Routine> first_;
  std::vector<Tensor> operands_;
};

}  // namespace

std::shared_ptr<Routine> routine_of(const Convolution& problem) {
  return std::make_shared<Unfused>(problem);
}

std::vector<Candidate> candidates(const Convolution& problem) {
  std::vector<Candidate> found;
  const Convolution& p = problem;
  const bool has_kernels = p.gate ? p.sums : p.sums || p.addend || p.bias,
             suits = has_kernels && (p.bias || !p.relu) &&
                     (p.direction == Direction::backward_data ||
                      (p.direction == Direction::forward && p.sums));
  if (!suits) return found;
  Candidate& one = found.emplace_back();
  one.offer.engine = kEngine;
  one.build = [=] { return [=] { return routine_of(problem); }; };
  return found;
}

}  // namespace dae::unfused
