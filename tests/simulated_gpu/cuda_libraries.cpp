// The libraries' side of a simulated step: fp64 loops, run in stream order like any kernel.
#include "runtime/cuda_libraries.h"

#include <fmt/format.h>

#include "kernels/conv2d.h"
#include "runtime/engines.h"
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
  void run(void* stream, std::initializer_list<const void*> data, void* workspace) override {
    simulated::enqueue_library_call(
        name_, static_cast<cudaStream_t>(stream),
        [compute = compute_, operands = std::vector<const void*>(data), workspace] {
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

std::shared_ptr<Routine> plan(const Convolution& p) {
  ConvSpec spec{.x = p.x, .y = p.y};
  spec.kernel = static_cast<int>(p.w[1]);
  spec.stride = p.stride;
  spec.pad = p.pad;
  spec.bias = p.bias;
  spec.relu = p.relu;
  const int64_t x = p.x.count(), w = p.w.count(), y = p.y.count();
  const DType dtype = p.dtype;
  choose(fmt::format("{} {} by {} to {}", name_of(dtype), to_string(p.x), to_string(p.w),
                     to_string(p.y)),
         {{"fp64 loops"}}, {});
  switch (p.direction) {
    case Direction::forward:
      return std::make_shared<Reference>("convolution forward", [=](const auto& data) {
        const Values b = p.bias ? load(data[3], p.y[3], dtype) : Values();
        const Values addend = p.addend ? load(data[p.bias ? 4 : 3], y, dtype) : Values();
        store(test::conv_forward(spec, load(data[0], x, dtype), load(data[1], w, dtype), b, addend),
              data[2], dtype);
      });
    case Direction::backward_data:
      return std::make_shared<Reference>("convolution backward data", [=](const auto& data) {
        store(test::conv_backward_data(spec, load(data[0], y, dtype), load(data[1], w, dtype)),
              data[2], dtype);
      });
    case Direction::backward_weights:
      break;
  }
  return std::make_shared<Reference>("convolution backward weights", [=](const auto& data) {
    store(test::conv_backward_weights(spec, load(data[0], x, dtype), load(data[1], y, dtype)),
          data[2], dtype);
  });
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
