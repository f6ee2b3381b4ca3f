// Ten steps of each network, from hashed weights on a hashed batch, against the same steps done by
// PyTorch in fp64 (make_training_fixtures.py). Everything of a training step but the corruption.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/step_state.h"
#include "model/training_plan.h"
#include "runtime/device.h"
#include "runtime/executor.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

constexpr int64_t kBatch = 2, kSize = 16, kSteps = 10;

// Uniform in (-1, 1), as hashed() in make_training_fixtures.py.
double hashed(uint64_t stream, uint64_t index) {
  uint64_t z = ((stream << 32) + index + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return ((z >> 40) + 0.5) / (1 << 23) - 1;
}

double norm_of(const float* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += double{values[i]} * values[i];
  return std::sqrt(sum);
}

NetworkConfig config_of(NetworkKind kind) {
  return {.kind = kind,
          .size = kSize,
          .width = 16,
          .blocks = 1,
          .latent = kind == NetworkKind::fc ? 24 : 32};
}

class TrainingStep : public testing::TestWithParam<std::tuple<Device, NetworkKind>> {};

TEST_P(TrainingStep, MatchesPyTorchInFp64) {
  const auto [device, kind] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  std::ifstream file(std::string(DAE_FIXTURES) + "/training_steps.json");
  const nlohmann::json want = nlohmann::json::parse(file).at(name_of(kind));

  const NetworkConfig config = config_of(kind);
  const Shape image = {kBatch, kSize, kSize, 3};
  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, true);
  const TensorId x = plan.external("x", image), target = plan.external("target", image, DType::u8),
                 loss = plan.external("loss", {1});
  add_mse_and_backward(builder, config, build_network(builder, config, x), x, target, loss);
  const OptimizerTensors optimizer = declare_optimizer(builder);
  add_update(builder, optimizer, AdamConfig{});

  const Layout layout = lay_out(plan, true);
  const Buffer arena(device, layout.bytes);
  Executor executor(plan, layout);
  executor.attach(arena.data(), arena.bytes());
  std::vector<Buffer> buffers;
  const auto bind = [&](TensorId id) {
    buffers.emplace_back(device, plan.view(id).bytes());
    executor.bind(id, buffers.back().data());
  };
  for (const TensorId id : {x, target, loss, builder.weights(), builder.gradients(), optimizer.m,
                            optimizer.v, optimizer.ema, optimizer.state})
    bind(id);
  // Reads and writes of device memory in this test go through the host.
  const auto host = [&](TensorId id) {
    std::vector<float> values(plan.view(id).bytes() / sizeof(float));
    copy_between_devices(values.data(), executor.tensors()[id].data, plan.view(id).bytes());
    return values;
  };

  std::vector<float> weights(parameters.count());
  for (size_t i = 0; i < parameters.list().size(); i++) {
    const Parameter& p = parameters.list()[i];
    const bool bias = p.shape.rank() == 1;
    for (int64_t e = 0; e < p.shape.count(); e++)
      weights[p.offset + e] = static_cast<float>(hashed(i + 10, e) * (bias ? 0.1 : p.bound));
  }
  copy_between_devices(executor.tensors()[builder.weights()].data, weights.data(),
                       weights.size() * sizeof(float));
  copy_between_devices(executor.tensors()[optimizer.ema].data, weights.data(),
                       weights.size() * sizeof(float));
  const StepState first{.schedule = {.peak = 1e-3, .warmup = 3, .total = 10}};
  copy_between_devices(executor.tensors()[optimizer.state].data, &first, sizeof(first));
  std::vector<float> inputs(image.count());
  std::vector<uint8_t> targets(image.count());
  for (int64_t i = 0; i < image.count(); i++) {
    inputs[i] = static_cast<float>((hashed(2, i) + 1) / 2);
    targets[i] = static_cast<uint8_t>(std::nearbyint((hashed(1, i) + 1) * 127.5));
  }
  copy_between_devices(executor.tensors()[x].data, inputs.data(), inputs.size() * sizeof(float));
  copy_between_devices(executor.tensors()[target].data, targets.data(), targets.size());

  for (int step = 0; step < kSteps; step++) {
    executor.run(Queue{device});
    StepState state;
    copy_between_devices(&state, executor.tensors()[optimizer.state].data, sizeof(state));
    const double want_loss = want["losses"][step], want_norm = want["gradient_norms"][step];
    EXPECT_NEAR(host(loss)[0], want_loss, 2e-5 * want_loss) << "step " << step;
    EXPECT_NEAR(state.gradient_norm, want_norm, 2e-3 * want_norm) << "step " << step;
  }
  const std::vector<float> after = host(builder.weights()), ema = host(optimizer.ema);
  EXPECT_EQ(parameters.list().size(), want["parameters"].size());
  for (const Parameter& p : parameters.list()) {
    ASSERT_TRUE(want["parameters"].contains(p.name)) << p.name;
    const nlohmann::json& w = want["parameters"][p.name];
    const double norm = w["norm"], ema_norm = w["ema_norm"];
    // Adam divides by the root of the second moment, so a weight whose gradient is rounding noise
    // may still move by the learning rate: ten steps of 1e-3 bound the absolute part.
    const double slack = 2e-4 * norm + 2e-5 * std::sqrt(double(p.shape.count()));
    EXPECT_NEAR(norm_of(&after[p.offset], p.shape.count()), norm, slack) << p.name;
    EXPECT_NEAR(norm_of(&ema[p.offset], p.shape.count()), ema_norm, slack) << p.name;
    for (size_t i = 0; i < w["first"].size(); i++)
      EXPECT_NEAR(after[p.offset + i], double(w["first"][i]), 3e-4) << p.name << "[" << i << "]";
  }
}

std::string step_name(const testing::TestParamInfo<TrainingStep::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + name_of(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Networks, TrainingStep,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::Values(NetworkKind::fc, NetworkKind::conv,
                                                          NetworkKind::unet)),
                         step_name);

}  // namespace
}  // namespace dae::test
