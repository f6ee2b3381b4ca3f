#include "kernels/layers/cuda_forward.h"

#include "kernels/bias.h"
#include "kernels/layers/engines.h"
#include "runtime/error.h"

namespace dae {
namespace {

using cuda_libraries::Convolution;

Convolution alone(Convolution problem) {
  problem.bias = problem.addend = problem.relu = false;
  return problem;
}

// The convolution alone, then the rest.
class Unfused : public Routine {
 public:
  explicit Unfused(const Convolution& problem)
      : convolution_(cuda_libraries::plan(alone(problem))),
        operands_(cuda_libraries::operands_of(problem)),
        addend_(problem.addend),
        relu_(problem.relu) {}

  size_t workspace_bytes() const override { return convolution_->workspace_bytes(); }

  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    convolution_->run(stream, data.first(3), workspace);
    const auto operand = [&](size_t i) {
      Tensor tensor = operands_[i];
      tensor.data = const_cast<void*>(data[i]);
      return tensor;
    };
    bias_relu({Device::cuda, stream}, operand(3), addend_ ? operand(4) : Tensor{}, operand(2),
              relu_);
  }

 private:
  std::shared_ptr<Routine> convolution_;
  std::vector<Tensor> operands_;
  bool addend_, relu_;
};

}  // namespace

std::shared_ptr<Routine> plan_cuda_forward(const Convolution& problem) {
  if ((problem.addend || problem.relu) && !problem.bias)
    fail("conv2d_forward: cuda has an addend or ReLU together with a bias alone");
  try {
    return cuda_libraries::plan(problem);
  } catch (const cuda_libraries::NoEngine&) {
    if (!problem.bias) throw;
    return std::make_shared<Unfused>(problem);
  }
}

}  // namespace dae
