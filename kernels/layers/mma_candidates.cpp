#include "kernels/layers/mma_candidates.h"

#include "kernels/conv3x3_mma.h"
#include "kernels/conv3x3_mma_weights.h"

namespace dae::mma {
namespace {

using cuda_libraries::Candidate;
using cuda_libraries::Convolution;
using cuda_libraries::Direction;

bool suits(const Convolution& p) {
  const bool plain = p.w[1] == 3 && p.w[2] == 3 && p.stride == 1 && p.pad == 1 && p.x == p.y &&
                     suits_mma(p.x, p.dtype) && !p.addend && !p.gate && !p.sums;
  return plain && ((p.direction == Direction::forward && p.bias) ||
                   p.direction == Direction::backward_weights);
}

class Planned : public Routine {
 public:
  explicit Planned(const Convolution& problem)
      : problem_(problem), operands_(operands_of(problem)) {
    if (problem.direction == Direction::backward_weights)
      partials_ = conv3x3_mma_weights_workspace_count(problem.x);
  }

  size_t workspace_bytes() const override { return static_cast<size_t>(partials_) * sizeof(float); }

  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    const Queue q{Device::cuda, stream};
    for (size_t i = 0; i < operands_.size(); i++) operands_[i].data = const_cast<void*>(data[i]);
    if (problem_.direction == Direction::forward)
      conv3x3_mma(q, operands_[0], operands_[1], operands_[3], operands_[2], problem_.relu);
    else
      conv3x3_mma_weights(q, operands_[0], operands_[1], operands_[2], {workspace, {partials_}});
  }

 private:
  Convolution problem_;
  std::vector<Tensor> operands_;
  int64_t partials_ = 0;  // elements of the workspace
};

}  // namespace

std::vector<Candidate> candidates(const Convolution& problem) {
  std::vector<Candidate> found;
  if (!suits(problem)) return found;
  Candidate& own = found.emplace_back();
  own.offer.engine = kEngine;
  own.build = [=] { return [=] { return std::make_shared<Planned>(problem); }; };
  return found;
}

}  // namespace dae::mma
