// The libraries' side of a simulated step: fp64 loops, run in stream order like any kernel.
#include "runtime/cuda_libraries.h"

#include "kernels/conv2d.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/reference_conv.h"

namespace dae::cuda_libraries {
namespace {

using test::Values;

Values load(const void* data, int64_t count) {
  const auto* const from = static_cast<const float*>(data);
  return {from, from + count};
}
void store(const Values& values, const void* data) {
  auto* const to = static_cast<float*>(const_cast<void*>(data));
  for (size_t i = 0; i < values.size(); i++) to[i] = static_cast<float>(values[i]);
}

class Reference : public Routine {
 public:
  using Compute = std::function<void(const std::vector<const void*>& data)>;
  Reference(std::string name, Compute compute)
      : name_(std::move(name)), compute_(std::move(compute)) {}

  // Some, so that the plan's handling of workspace is exercised.
  size_t workspace_bytes() const override { return 1024; }
  void run(void* stream, std::initializer_list<const void*> data, void* workspace) override {
    simulated::enqueue_library_call(
        name_, static_cast<cudaStream_t>(stream),
        [compute = compute_, operands = std::vector<const void*>(data), workspace] {
          std::memset(workspace, 0xcd, 1024);
          compute(operands);
        });
  }

 private:
  std::string name_;
  Compute compute_;
};

}  // namespace

std::shared_ptr<Routine> plan(const Convolution& p) {
  ConvSpec spec{.x = p.x, .y = p.y};
  spec.kernel = static_cast<int>(p.w[1]);
  spec.stride = p.stride;
  spec.pad = p.pad;
  spec.bias = p.bias;
  spec.relu = p.relu;
  const int64_t x = p.x.count(), w = p.w.count(), y = p.y.count();
  switch (p.direction) {
    case Direction::forward:
      return std::make_shared<Reference>("convolution forward", [=](const auto& data) {
        const Values b = spec.bias ? load(data[3], spec.y[3]) : Values();
        store(test::conv_forward(spec, load(data[0], x), load(data[1], w), b), data[2]);
      });
    case Direction::backward_data:
      return std::make_shared<Reference>("convolution backward data", [=](const auto& data) {
        store(test::conv_backward_data(spec, load(data[0], y), load(data[1], w)), data[2]);
      });
    case Direction::backward_weights:
      break;
  }
  return std::make_shared<Reference>("convolution backward weights", [=](const auto& data) {
    store(test::conv_backward_weights(spec, load(data[0], x), load(data[1], y)), data[2]);
  });
}

}  // namespace dae::cuda_libraries
