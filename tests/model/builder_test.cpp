// Gradients of results that several layers read, which no network here has at every place: on a GPU, where the
// layer that makes the last part of a gradient does what is next to be done to it, as on a CPU, where every part
// is made and added by itself.
#include "model/builder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/layers/mma_candidates.h"
#include "kernels/layers/unfused.h"
#include "model/residual_form.h"
#include "runtime/device.h"
#include "runtime/program.h"
#include "tests/support/form_in_use.h"
#include "tests/support/hashed.h"
#include "tests/support/program_values.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

const Shape kImage = {2, 6, 8, 3};
constexpr int64_t kChannels = 32;

TensorId two_convolutions(Builder& b, TensorId a) {
  const TensorId first = b.conv("first", a, {.filters = kChannels});
  return b.conv("second", a, {.filters = kChannels, .relu = false, .addend = first});
}
TensorId up_and_across(Builder& b, TensorId a) {
  const TensorId across = b.upconv("across", a, kChannels);
  return b.transposed_conv("up", a, {.filters = kChannels, .addend = across});
}
TensorId block_and_around(Builder& b, TensorId a) {
  const TensorId block = b.residual_block("block", a);
  return b.conv("around", a, {.filters = kChannels, .relu = false, .addend = block});
}
TensorId block_behind_relu(Builder& b, TensorId a) {
  return b.residual_block("block", a);
}
TensorId blocks_behind_linear(Builder& b, TensorId a) {
  const TensorId linear = b.conv("linear", a, {.filters = kChannels, .relu = false});
  return b.residual_block("second", b.residual_block("first", linear));
}
TensorId skip(Builder& b, TensorId a) {
  const TensorId half = b.conv("half", a, {.filters = kChannels, .stride = 2});
  return b.transposed_conv("up", half, {.filters = kChannels, .addend = a});
}

// What stands between a convolution with ReLU and a last one.
struct Case {
  const char* name;
  TensorId (*layers)(Builder& b, TensorId a);
  // Steps for biases alone on a GPU: the last layer's, whose gradient is given, and of those whose gradient
  // no single step makes. With own kernels one more where a block follows ReLU.
  int64_t bias_steps, with_own_kernels;
};
const Case kCases[] = {{"two_convolutions", two_convolutions, 2, 2},
                       {"up_and_across", up_and_across, 3, 3},
                       {"block_and_around", block_and_around, 2, 3},
                       {"block_behind_relu", block_behind_relu, 1, 2},
                       {"blocks_behind_linear", blocks_behind_linear, 1, 1},
                       {"skip", skip, 1, 1}};

struct Gradients {
  ParameterSet parameters;
  std::vector<float> values;
  int64_t bias_steps = 0;
};

Gradients gradients_of(Device device, const Case& c, DType dtype) {
  Gradients made;
  Plan plan;
  Builder b(device, plan, made.parameters, true, dtype);
  const TensorId x = plan.external("x", kImage, dtype);
  const TensorId y = b.conv("tail", c.layers(b, b.conv("head", x, {.filters = kChannels})),
                            {.filters = 3, .relu = false});
  const TensorId dy = plan.external("dy", plan.shape(y), dtype);
  b.set_gradient(y, dy);
  b.backward();
  for (const Step& step : plan.steps()) made.bias_steps += step.op == "relu_bias_backward";
  Program program(device, std::move(plan));
  program.allocate();
  for (const TensorId id : {x, dy}) {
    std::vector<float> values(static_cast<size_t>(program.tensor(id).count()));
    for (size_t i = 0; i < values.size(); i++)
      values[i] = static_cast<float>(hashed(id == x ? 1 : 2, i));
    write_values(program, id, values);
  }
  for (const TensorId id : {b.weights(), b.layer_weights()})
    write_values(program, id, hashed_weights(made.parameters));
  program.run();
  made.values = read_values(program, b.gradients());
  return made;
}

// Each tensor's difference as a share of its norm.
void expect_close(const Gradients& got, const Gradients& want, double share) {
  for (const Parameter& p : want.parameters.list()) {
    double difference = 0, norm = 0;
    for (int64_t i = p.offset; i < p.offset + p.shape.count(); i++) {
      difference += std::pow(got.values[i] - want.values[i], 2);
      norm += std::pow(want.values[i], 2);
    }
    EXPECT_LE(std::sqrt(difference), share * std::sqrt(norm)) << p.name;
  }
}

class BuilderTest : public testing::TestWithParam<std::tuple<Device, Case>> {
 protected:
  void SetUp() override {
    if (device() == Device::cpu) GTEST_SKIP() << "is what a GPU is compared with";
    if (!cuda_available()) GTEST_SKIP() << why_no_cuda();
  }
  Device device() const { return std::get<0>(GetParam()); }
  const Case& of() const { return std::get<1>(GetParam()); }
  Gradients by_cpu() const { return gradients_of(Device::cpu, of(), DType::f32); }
};

TEST_P(BuilderTest, GradientsAreThoseOfTheCpu) {
  const Gradients made = gradients_of(device(), of(), DType::f32);
  EXPECT_EQ(made.bias_steps, of().bias_steps);
  expect_close(made, by_cpu(), 1e-5);
}

TEST_P(BuilderTest, GradientsAreThoseOfTheCpuOneByOne) {
  gradients_of(device(), of(), DType::f32);  // plans what is to be exchanged
  const FormInUse use(unfused::kEngine);
  expect_close(gradients_of(device(), of(), DType::f32), by_cpu(), 1e-5);
}

// Roundings turn some signs in front of ReLU, as in tests/model/training_step_test.cpp: seen, 12 percent.
TEST_P(BuilderTest, GradientsAreThoseOfTheCpuByOwnKernels) {
  gradients_of(device(), of(), DType::bf16);  // plans what is to be exchanged
  for (const char* const of_blocks : {mma::kEngine, kResidualWithFilters}) {
    SCOPED_TRACE(of_blocks);
    const FormInUse use(of_blocks, mma::kEngine);
    const Gradients made = gradients_of(device(), of(), DType::bf16);
    EXPECT_EQ(made.bias_steps, of().with_own_kernels);
    expect_close(made, by_cpu(), 0.15);
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, BuilderTest,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::ValuesIn(kCases)),
                         [](const auto& test) {
                           return tested_name(std::get<0>(test.param)) + "_" +
                                  std::get<1>(test.param).name;
                         });

}  // namespace
}  // namespace dae::test
