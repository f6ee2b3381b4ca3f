// What one training step of each network costs by its plan, against model/plan_budgets.json: a
// change that adds a pass over memory, a tensor that lives longer, a convolution twice, shows here
// without a GPU. Planning is all that happens: no step runs, and the arena, 1.3 GB for unet, is
// laid out but not allocated.
//
// The GPU's side is planned for the simulated one. So its arena is that of the tensors: stand-ins
// for cuDNN and cuBLASLt ask for a kilobyte of workspace an operation, real engines for megabytes,
// and what is chosen by time is in the form that is offered first, since no time passes there. unet's
// 1729 GFLOP are what a review counted from plans that cuDNN 9.19 made. What a step declares does not
// depend on engines: a convolution and what follows it count as if one of them fused it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "kernels/layers/mma_candidates.h"
#include "model/input.h"
#include "model/objective.h"
#include "model/optimizer.h"
#include "model/residual_form.h"
#include "runtime/layout.h"
#include "tests/support/form_in_use.h"
#include "tests/support/json_file.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

struct Cost {
  int64_t steps = 0, flops = 0, bytes = 0;
  int64_t beside = 0;                   // steps on streams of their own
  int64_t arena = 0, arena_beside = 0;  // on one stream; with what may run beside the rest
};

// Of the step that trainers plan (train/cpu_trainer.cpp, train/step_pipeline.cpp), with the batch
// at which bench times it.
Cost cost_of_step(Device device, NetworkConfig config) {
  const bool gpu = device == Device::cuda;
  if (gpu) config.dtype = DType::bf16;
  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, true, config.dtype);
  if (gpu) builder.use_streams({.weights = 1, .aside = 2});
  const Shape image = {gpu ? 256 : 16, config.size, config.size, 3};
  const auto batch = [&](const char* name, DType dtype) {
    return gpu ? plan.external(name, image, dtype) : plan.tensor(name, image, dtype);
  };
  const TensorId clean = batch("clean", DType::u8), corrupted = batch("corrupted", DType::f32);
  const TensorId told = declare_told(plan, config, image[0]);
  const TensorId rounded = declare_rounded(plan, config, image);
  add_corruption(device, plan, flags_of(CorruptSpec{}), clean, corrupted,
                 {.told = told, .rounded = rounded});
  builder.has_input(corrupted, rounded);
  Objective{config}.add_to(builder, corrupted, clean, plan.external("loss", {1}), told);
  add_update(plan, declare_optimizer(builder), AdamConfig{});
  Cost cost{.steps = static_cast<int64_t>(plan.steps().size()),
            .arena = static_cast<int64_t>(lay_out(plan, true).bytes),
            .arena_beside = static_cast<int64_t>(lay_out(plan, false).bytes)};
  for (const Step& step : plan.steps()) {
    cost.flops += step.flops;
    cost.bytes += plan.bytes(step);
    if (step.stream != 0) cost.beside++;
  }
  return cost;
}

struct Case {
  const char* name;
  NetworkConfig config;
};
const Case kCases[] = {{"fc", {.kind = NetworkKind::fc}},
                       {"conv", {.kind = NetworkKind::conv, .latent = 128 * 8 * 8}},
                       {"unet", {}},
                       {"unet_stem", {.levels = 3, .stem = 2}},
                       {"unet_told", {.levels = 3, .stem = 2, .noise_input = true}}};

class PlanBudget : public testing::TestWithParam<std::tuple<Device, Case>> {
 protected:
  void SetUp() override {
    if (device() == Device::cuda && tested_name(device()) != "simulated")
      GTEST_SKIP() << "planned for the simulated GPU";
  }
  Device device() const { return std::get<0>(GetParam()); }
  void expect_kept(const std::string& how);
};

void PlanBudget::expect_kept(const std::string& how) {
  const Case& network = std::get<1>(GetParam());
  const std::string name = fmt::format("{} on {}{}", network.name, name_of(device()), how);
  const nlohmann::json budget =
      json_file(std::filesystem::path(DAE_SOURCE) / "model/plan_budgets.json").at(name);
  const Cost cost = cost_of_step(device(), network.config);
  EXPECT_EQ(cost.steps, budget.at("steps").get<int64_t>()) << name;
  EXPECT_EQ(cost.flops, budget.at("flops").get<int64_t>()) << name;
  EXPECT_LE(cost.bytes, budget.at("bytes").get<int64_t>()) << name;
  EXPECT_EQ(cost.beside, budget.value("beside", 0)) << name;
  // On a CPU it depends on what oneDNN wants for its threads and instructions.
  if (device() == Device::cuda) {
    EXPECT_LE(cost.arena, budget.at("arena").get<int64_t>()) << name;
    EXPECT_LE(cost.arena_beside, budget.at("arena_beside").get<int64_t>()) << name;
  }
  if (HasFailure())
    fmt::print(
        "\"{}\": {{\"steps\": {}, \"beside\": {}, \"flops\": {}, \"bytes\": {}, \"arena\": {}, "
        "\"arena_beside\": "
        "{}}}\n",
        name, cost.steps, cost.beside, cost.flops, cost.bytes, cost.arena, cost.arena_beside);
}

TEST_P(PlanBudget, IsKept) {
  expect_kept("");
}

// With this project's own kernels wherever there is one (model/residual_form.h).
TEST_P(PlanBudget, IsKeptByOwnKernels) {
  const NetworkConfig& config = std::get<1>(GetParam()).config;
  if (device() == Device::cpu || config.kind != NetworkKind::unet)
    GTEST_SKIP() << "has nothing that they are for";
  cost_of_step(device(), config);  // plans what is to be exchanged
  const FormInUse use(kResidualWithFilters, mma::kEngine);
  expect_kept(", own kernels");
}

// Each picture's bytes and draw are read, both views written; a JPEG file is made of what is corrupted
// where it lies, which is read once more for it, and rounded again.
TEST(InputBytes, AreThoseOfPicturesDrawsAndViews) {
  const auto bytes_of = [](bool jpeg, bool rounds) {
    Plan plan;
    const Shape image = {2, 8, 8, 3};
    const TensorId clean = plan.external("clean", image, DType::u8),
                   corrupted = plan.external("corrupted", image),
                   rounded = rounds ? plan.external("rounded", image, DType::bf16) : kNoTensor;
    add_corruption(Device::cpu, plan, {.jpeg = jpeg}, clean, corrupted, {.rounded = rounded});
    return plan.bytes(plan.steps().back());
  };
  constexpr int64_t kElements = 384, kDraws = 2 * sizeof(Draw);
  EXPECT_EQ(bytes_of(false, false), kElements + kDraws + kElements + 4 * kElements);
  EXPECT_EQ(bytes_of(true, true),
            kElements + kDraws + kElements + 3 * 4 * kElements + 2 * 2 * kElements);
}

std::string plan_name(const testing::TestParamInfo<PlanBudget::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;
}
INSTANTIATE_TEST_SUITE_P(Networks, PlanBudget,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::ValuesIn(kCases)),
                         plan_name);

}  // namespace
}  // namespace dae::test
