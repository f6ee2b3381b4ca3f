// The libraries' side of a simulated step: fp64 loops, run in stream order like any kernel.
#include "kernels/layers/cuda_libraries.h"

#include <fmt/format.h>

#include "kernels/layers/conv2d.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/mma_candidates.h"
#include "kernels/layers/unfused.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/reference_conv.h"

namespace dae::cuda_libraries {

void open() {}

namespace {

using test::Values;

Values load(const void* data, int64_t count, DType dtype) {
  Values values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; i++)
    values[i] = dtype == DType::bf16 ? to_float(static_cast<const BFloat16*>(data)[i])
                                     : static_cast<const float*>(data)[i];
  return values;
}
void store(const Values& values, const void* data, DType dtype) {
  void* const to = const_cast<void*>(data);
  for (size_t i = 0; i < values.size(); i++) {
    const auto value = static_cast<float>(values[i]);
    if (dtype == DType::bf16)
      static_cast<BFloat16*>(to)[i] = to_bf16(value);
    else
      static_cast<float*>(to)[i] = value;
  }
}

class Reference : public Routine {
 public:
  using Compute = std::function<void(const std::vector<const void*>& data)>;
  Reference(std::string name, Compute compute)
      : name_(std::move(name)), compute_(std::move(compute)) {}

  // Some, so that the plan's handling of workspace is exercised.
  size_t workspace_bytes() const override { return 1024; }
  using Routine::run;
  void run(void* stream, std::span<const void* const> data, void* workspace) override {
    simulated::enqueue_library_call(
        name_, static_cast<cudaStream_t>(stream),
        [compute = compute_, operands = std::vector<const void*>(data.begin(), data.end()),
         workspace] {
          // What a library touches is declared by the step; its own doings are nobody's business.
          const simulated::Unseen unseen;
          std::memset(workspace, 0xcd, 1024);
          compute(operands);
        });
  }

 private:
  std::string name_;
  Compute compute_;
};

}  // namespace

// What is done to a result, and then its channels' sums: operands from the fourth on.
void finish(const Convolution& p, Values& result, const std::vector<const void*>& data) {
  const int64_t count = static_cast<int64_t>(result.size()), channels = operands_of(p)[2].shape[3];
  size_t next = 3;
  const Values bias = p.bias ? load(data[next++], channels, p.dtype) : Values(channels),
               addend = p.addend ? load(data[next++], count, p.dtype) : Values(result.size()),
               gate = p.gate ? load(data[next++], count, p.dtype) : Values(result.size(), 1);
  Values sums(static_cast<size_t>(channels));
  for (size_t i = 0; i < result.size(); i++) {
    const size_t channel = i % static_cast<size_t>(channels);
    result[i] += addend[i] + bias[channel];
    if (p.relu && !(result[i] > 0)) result[i] = 0;
    if (!(gate[i] > 0)) result[i] = 0;
    sums[channel] += result[i];
  }
  if (p.sums) store(sums, data[next], DType::f32);
}

std::shared_ptr<Routine> plan_by_library(const Convolution& p) {
  ConvSpec spec{.x = p.x, .y = p.y};
  spec.kernel = static_cast<int>(p.w[1]);
  spec.stride = p.stride;
  spec.pad = p.pad;
  spec.bias = false;
  const std::vector<Tensor> operands = operands_of(p);
  const int64_t first = operands[0].shape.count(), second = operands[1].shape.count();
  return std::make_shared<Reference>("convolution", [=](const auto& data) {
    const Values a = load(data[0], first, p.dtype), b = load(data[1], second, p.dtype);
    Values result = p.direction == Direction::forward ? test::conv_forward(spec, a, b, {}, {})
                    : p.direction == Direction::backward_data
                        ? test::conv_backward_data(spec, a, b)
                        : test::conv_backward_weights(spec, a, b);
    if (p.direction != Direction::backward_weights) finish(p, result, data);
    store(result, data[2], p.dtype);
  });
}

std::shared_ptr<Routine> plan(const Convolution& p) {
  std::vector<Candidate> candidates(1);
  candidates[0].offer.engine = "fp64 loops";
  candidates[0].build = [=] { return [=] { return plan_by_library(p); }; };
  for (const auto source : {mma::candidates, unfused::candidates})
    for (Candidate& candidate : source(p)) candidates.push_back(std::move(candidate));
  return choose("cuDNN " + describe(p), candidates, {})();
}

// Rows as images of one pixel.
std::shared_ptr<Routine> plan(const Dense& p) {
  return plan(Convolution{.direction = p.direction,
                          .x = {p.batch, 1, 1, p.inputs},
                          .w = {p.outputs, 1, 1, p.inputs},
                          .y = {p.batch, 1, 1, p.outputs},
                          .pad = 0,
                          .bias = p.bias,
                          .relu = p.relu,
                          .dtype = p.dtype});
}

}  // namespace dae::cuda_libraries
