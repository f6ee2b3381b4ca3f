// What an executor runs and what it refuses. On a GPU program_test.cpp runs one.
#include "runtime/executor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/said.h"

namespace dae::test {
namespace {

// images -> features -> result, of which `upper` is a part.
class ExecutorTest : public testing::Test {
 protected:
  static Executor executor_of(const Plan& plan) { return {plan, lay_out(plan, true)}; }
  ExecutorTest() {
    const auto nothing = [](const Queue&, const TensorTable&) {};
    plan_.add(
        {.op = "test", .name = "1", .reads = {images_}, .writes = {features_}, .run = nothing});
    plan_.add(
        {.op = "test", .name = "2", .reads = {features_}, .writes = {upper_}, .run = nothing});
  }

  Plan plan_;
  const TensorId images_ = plan_.external("images", {4}), features_ = plan_.tensor("features", {4}),
                 result_ = plan_.external("result", {8}),
                 upper_ = plan_.slice(result_, "upper", 4, {4});
  const Buffer memory_ = Buffer(Device::cpu, 1024);
};

TEST_F(ExecutorTest, WantsAnArenaThatIsLargeEnoughAndAligned) {
  Executor executor = executor_of(plan_);
  std::byte* const arena = memory_.data();
  const std::string needs = "executor: the plan needs an arena of 256 bytes aligned to 256, got ";
  EXPECT_EQ(said([&] { executor.attach(arena, 255); }),
            needs + fmt::format("255 bytes at {}", static_cast<const void*>(arena)));
  EXPECT_EQ(said([&] { executor.attach(arena + 64, 960); }),
            needs + fmt::format("960 bytes at {}", static_cast<const void*>(arena + 64)));
  EXPECT_EQ(said([&] { executor.attach(arena + 256, 256); }), "accepted");
  EXPECT_EQ(executor.tensors()[features_].data, arena + 256);
}

TEST_F(ExecutorTest, NamesTheFirstTensorThatHasNoMemory) {
  Executor executor = executor_of(plan_);
  executor.attach(memory_.data(), memory_.bytes());
  const auto run = [&] { executor.run({}); };
  EXPECT_EQ(said(run), "executor: images has not been bound");
  executor.bind(images_, memory_.data() + 256);
  EXPECT_EQ(said(run), "executor: result has not been bound");
  executor.bind(result_, memory_.data() + 512);
  EXPECT_EQ(said(run), "accepted");
  EXPECT_EQ(executor.tensors()[upper_].data, memory_.data() + 512 + 4 * sizeof(float));
}

TEST_F(ExecutorTest, GivesMemoryAndShapesToWholeExternalTensorsAlone) {
  Executor executor = executor_of(plan_);
  for (const auto& [id, name] : {std::pair{features_, "features"}, {upper_, "upper"}})
    EXPECT_EQ(said([&, id = id] { executor.bind(id, memory_.data()); }),
              fmt::format("executor: {} is not an external tensor", name));
  EXPECT_EQ(said([&] { executor.resize(features_, {5}); }),
            "executor: features is not an external tensor");
  executor.resize(images_, {9});
  EXPECT_EQ(executor.tensors()[images_].shape, Shape{9});
}

TEST(Executor, RunsStepsOnBoundMemory) {
  Plan plan;
  const TensorId x = plan.external("images", {4}), twice = plan.tensor("twice", {4}),
                 y = plan.external("result", {8});
  const TensorId upper = plan.slice(y, "upper", 4, {4});
  plan.add({.op = "double",
            .name = "double",
            .reads = {x},
            .writes = {twice},
            .run = [=](const Queue&, const TensorTable& t) {
              for (int i = 0; i < 4; i++) t[twice].as<float>()[i] = 2 * t[x].as<const float>()[i];
            }});
  plan.add({.op = "store",
            .name = "store",
            .reads = {twice},
            .writes = {upper},
            .run = [=](const Queue&, const TensorTable& t) {
              EXPECT_EQ(t[kNoTensor].data, nullptr);
              for (int i = 0; i < 4; i++) t[upper].as<float>()[i] = t[twice].as<const float>()[i];
            }});
  const Layout layout = lay_out(plan, true);
  const Buffer arena(Device::cpu, layout.bytes);
  Executor executor(plan, layout);
  executor.attach(arena.data(), arena.bytes());
  float in[4] = {1, 2, 3, 4}, out[8] = {};
  executor.bind(x, in);
  executor.bind(y, out);
  executor.run({});
  EXPECT_EQ(out[3], 0);
  EXPECT_EQ(out[4], 2);
  EXPECT_EQ(out[7], 8);
  executor.run_profiled({});
  EXPECT_EQ(executor.profiled_runs(), 1);
}

// Three steps that count themselves, the second of which leaves infinity.
TEST(Executor, LooksAtNoMoreStepsThanItIsTold) {
  Plan plan;
  int runs = 0;
  float value = 0;
  const TensorId x = plan.external("x", {1});
  for (const float left : {1.0f, std::numeric_limits<float>::infinity(), 2.0f})
    plan.add({.op = "test",
              .name = "set",
              .writes = {x},
              .run = [=, &runs](const Queue&, const TensorTable& t) {
                runs++;
                *t[x].as<float>() = left;
              }});
  Executor executor(plan, lay_out(plan, true));
  executor.bind(x, &value);
  for (const size_t at_most : {0, 1}) {
    runs = 0;
    EXPECT_FALSE(executor.run_until_not_finite({}, at_most));
    EXPECT_EQ(runs, static_cast<int>(at_most));
  }
  for (const size_t at_most : {size_t{2}, SIZE_MAX}) {
    runs = 0;
    const auto found = executor.run_until_not_finite({}, at_most);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->step, 1u);
    EXPECT_EQ(runs, 2);
  }
}

}  // namespace
}  // namespace dae::test
