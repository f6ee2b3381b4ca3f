#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/bf16.h"
#include "runtime/executor.h"
#include "runtime/layout.h"
#include "tests/support/said.h"

namespace dae {
namespace {

using test::said;

Step step(std::string name, std::vector<TensorId> reads, std::vector<TensorId> writes,
          int stream = 0) {
  return {.op = "test",
          .name = std::move(name),
          .stream = stream,
          .reads = std::move(reads),
          .writes = std::move(writes),
          .run = [](const Queue&, const TensorTable&) {}};
}

bool overlap(const Plan& plan, const Layout& layout, TensorId a, TensorId b) {
  return layout.offsets[a] < layout.offsets[b] + plan.view(b).bytes() &&
         layout.offsets[b] < layout.offsets[a] + plan.view(a).bytes();
}

TEST(Plan, RefusesAReadBeforeAWriteNamingBoth) {
  Plan plan;
  const TensorId x = plan.tensor("features", {4});
  EXPECT_EQ(said([&] { plan.add(step("decoder.1", {x}, {})); }),
            "plan: step decoder.1 (test) reads features before any step writes it");
}

// A tensor that is left out is the empty one to an op, and nothing that a step can touch.
TEST(Plan, RefusesAStepThatListsAMissingTensor) {
  for (const auto list : {&Step::reads, &Step::writes, &Step::scratch}) {
    Plan plan;
    const TensorId x = plan.external("x", {4});
    Step lists = step("1", {}, {});
    lists.*list = {x, kNoTensor};
    EXPECT_EQ(said([&] { plan.add(lists); }), "plan: step 1 (test) lists a missing tensor");
  }
}

TEST(Plan, KnowsATensorByItsName) {
  Plan plan;
  plan.external("x", {10});
  const TensorId y = plan.tensor("y", {4});
  EXPECT_EQ(plan.find("y"), y);
  EXPECT_EQ(plan.find_if_any("y"), y);
  EXPECT_EQ(plan.find_if_any("z"), kNoTensor);
  EXPECT_EQ(said([&] { plan.find("z"); }), "plan: there is no tensor named z");
}

TEST(Plan, SeesATensorInAnotherShapeOfAsManyElements) {
  Plan plan;
  const TensorId x = plan.external("x", {2, 6}),
                 blocked = plan.tensor("blocked", {1, 1, 1, 8}, DType::f32, 4);
  EXPECT_EQ(plan.shape(plan.reshape(x, {3, 4})), Shape({3, 4}));
  EXPECT_EQ(said([&] { plan.reshape(x, {3, 3}); }), "plan: cannot see x (f32 2x6) as 3x3");
  EXPECT_EQ(said([&] { plan.reshape(blocked, {8}); }),
            "plan: cannot see blocked (f32 1x1x1x8/4) as 8");
}

TEST(Plan, RefusesASliceThatLeavesItsTensor) {
  Plan plan;
  const TensorId x = plan.external("weights", {10});
  EXPECT_NO_THROW(plan.slice(x, "last", 8, {2}));
  EXPECT_EQ(said([&] { plan.slice(x, "beyond", 8, {3}); }),
            "plan: beyond (3 from element 8) does not lie inside weights (f32 10)");
  EXPECT_EQ(said([&] { plan.slice(x, "before", -1, {3}); }),
            "plan: before (3 from element -1) does not lie inside weights (f32 10)");
}

TEST(Plan, KeepsWhatSomeStepWrote) {
  Plan plan;
  const TensorId x = plan.tensor("features", {4}), y = plan.tensor("scores", {4});
  plan.add(step("1", {}, {x}));
  plan.keep(x);
  EXPECT_EQ(said([&] { plan.keep(y); }), "plan: scores is kept before any step writes it");
  EXPECT_EQ(plan.outputs(), std::vector<TensorId>{x});
}

TEST(Plan, CountsBytesByRole) {
  Plan plan;
  const TensorId weights = plan.external("weights", {10}, DType::f32, Role::state),
                 part = plan.slice(weights, "layer", 4, {6});
  plan.external("moments", {5}, DType::f32, Role::state);
  plan.external("pictures", {7}, DType::u8);
  plan.tensor("features", {100});
  EXPECT_EQ(plan.tensors()[part].role, Role::state);
  EXPECT_TRUE(plan.tensors()[part].external());
  EXPECT_EQ(plan.bytes(Role::state), 60u);
  EXPECT_EQ(plan.bytes(Role::batch), 7u);
  EXPECT_EQ(plan.bytes(Role::table), 0u);
  EXPECT_EQ(plan.bytes(Role::arena), 400u);
}

TEST(Plan, CountsBytesReadAndWritten) {
  Plan plan;
  const TensorId x = plan.external("x", {10}), y = plan.tensor("y", {5}, DType::u8);
  plan.add(step("s", {x}, {y}));
  EXPECT_EQ(plan.bytes(plan.steps()[0]), 45);
}

TEST(Layout, TensorsOfDisjointLifetimesShareMemory) {
  Plan plan;
  const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {1000}),
                 c = plan.tensor("c", {1000});
  plan.add(step("1", {}, {a}));
  plan.add(step("2", {a}, {b}));
  plan.add(step("3", {b}, {c}));
  const Layout layout = lay_out(plan, true);
  EXPECT_TRUE(overlap(plan, layout, a, c));
  EXPECT_FALSE(overlap(plan, layout, a, b));
  EXPECT_FALSE(overlap(plan, layout, b, c));
  EXPECT_EQ(layout.bytes, 2u * 4096);  // 1000 floats, rounded up to 256 bytes
  EXPECT_EQ(layout.bytes_unshared, 3u * 4096);
}

TEST(Plan, RefusesAStepAfterOneThatThereIsNot) {
  for (const int earlier : {-1, 1}) {
    Plan plan;
    plan.add(step("1", {}, {}));
    Step second = step("2", {}, {});
    second.after = {earlier};
    EXPECT_EQ(said([&] { plan.add(second); }),
              "plan: step 2 (test) comes after " + std::to_string(earlier) + ", of 1 steps");
  }
}

// Nothing that it touches orders 2 and 3: what 2 has may be 3's only where that comes after.
TEST(Layout, AStepWaitsForWhatItSaysItComesAfter) {
  for (const bool says : {false, true}) {
    Plan plan;
    const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {1000});
    plan.add(step("1", {}, {}));
    plan.add(step("2", {}, {a}, 1));
    Step third = step("3", {}, {b});
    if (says) third.after = {1};
    plan.add(third);
    const Layout layout = lay_out(plan, false);
    EXPECT_EQ(layout.waits[2], says ? std::vector{1} : std::vector<int>{});
    EXPECT_EQ(overlap(plan, layout, a, b), says);
  }
}

// kTensorAlignment is what kernels' packs and libraries count on, whatever the tensors' sizes.
TEST(Layout, EveryTensorIsAligned) {
  Plan plan;
  std::vector<TensorId> all;
  for (const int64_t count : {1, 3, 5, 63, 64, 65, 1000, 1001, 7})
    for (const DType dtype : {DType::f32, DType::bf16, DType::u8, DType::u64})
      all.push_back(plan.tensor("t", {count}, dtype));
  plan.add(step("1", {}, {all.begin(), all.begin() + 20}));
  plan.add(step("2", {all.begin(), all.begin() + 5}, {all.begin() + 20, all.end()}, 1));
  plan.add(step("3", {all.begin() + 15, all.end()}, {}));
  for (const bool one_stream : {true, false}) {
    const Layout layout = lay_out(plan, one_stream);
    for (const TensorId id : all) EXPECT_EQ(layout.offsets[id] % kTensorAlignment, 0u) << id;
    EXPECT_EQ(layout.bytes % kTensorAlignment, 0u);
  }
}

TEST(Layout, WhatIsKeptSharesMemoryWithWhatWasBeforeAlone) {
  for (const bool one_stream : {true, false}) {
    Plan plan;
    const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {1000}),
                   c = plan.tensor("c", {1000}), d = plan.tensor("d", {1000});
    const TensorId part = plan.slice(b, "part", 0, {10});
    plan.add(step("1", {}, {a}));
    plan.add(step("2", {a}, {c}));
    plan.add(step("3", {c}, {b}));
    plan.add(step("4", {b}, {d}));
    plan.keep(part);  // and with it all of b, beyond its last reader
    plan.add(step("5", {d}, {}));
    plan.add(step("6", {}, {a}, 1));
    const Layout layout = lay_out(plan, one_stream);
    for (const TensorId other : {a, d}) EXPECT_FALSE(overlap(plan, layout, b, other));
    EXPECT_EQ(layout.bytes_unshared, 4u * 4096);
  }
  Plan plan;
  const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {1000}),
                 c = plan.tensor("c", {1000}), d = plan.tensor("d", {1000});
  plan.add(step("1", {}, {a}));
  plan.add(step("2", {a}, {b}));
  plan.add(step("3", {b}, {c}));
  plan.add(step("4", {c}, {d}));
  EXPECT_EQ(lay_out(plan, true).bytes, 2u * 4096);
  plan.keep(c);
  const Layout layout = lay_out(plan, true);
  EXPECT_TRUE(overlap(plan, layout, a, c));
  EXPECT_EQ(layout.bytes, 2u * 4096);
  plan.keep(a);
  EXPECT_EQ(lay_out(plan, true).bytes, 3u * 4096);
}

TEST(Layout, ListOrderDoesNotAllowSharingAcrossStreams) {
  Plan plan;
  const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {1000});
  plan.add(step("1", {}, {a}, 0));
  plan.add(step("2", {}, {b}, 1));  // nothing orders it after step 1
  EXPECT_FALSE(overlap(plan, lay_out(plan, false), a, b));
  EXPECT_TRUE(overlap(plan, lay_out(plan, true), a, b));
}

TEST(Layout, AWaitAllowsSharingAcrossStreams) {
  Plan plan;
  const TensorId a = plan.tensor("a", {1000}), b = plan.tensor("b", {8}),
                 c = plan.tensor("c", {1000});
  plan.add(step("1", {}, {a}, 0));
  plan.add(step("2", {a}, {b}, 0));
  plan.add(step("3", {b}, {c}, 1));  // waits for 2, so a is over
  const Layout layout = lay_out(plan, false);
  EXPECT_EQ(layout.waits[2], std::vector<int>{1});
  EXPECT_TRUE(overlap(plan, layout, a, c));
}

TEST(Layout, WaitsForReadersBeforeOverwriting) {
  Plan plan;
  const TensorId x = plan.external("x", {8}), y = plan.tensor("y", {8});
  plan.add(step("read", {x}, {y}, 1));
  plan.add(step("overwrite", {}, {x}, 0));
  EXPECT_EQ(lay_out(plan, false).waits[1], std::vector<int>{0});
}

TEST(Layout, OneWaitCoversWhatItsStepWaitedFor) {
  Plan plan;
  const TensorId a = plan.tensor("a", {8}), b = plan.tensor("b", {8}), c = plan.tensor("c", {8});
  plan.add(step("1", {}, {a}, 0));
  plan.add(step("2", {a}, {b}, 1));
  plan.add(step("3", {a, b}, {c}, 2));  // 2 has already waited for 1
  EXPECT_EQ(lay_out(plan, false).waits[2], std::vector<int>{1});
}

TEST(Layout, SlicesThatDoNotOverlapDoNotConflict) {
  Plan plan;
  const TensorId x = plan.external("x", {8});
  const TensorId low = plan.slice(x, "low", 0, {4}), high = plan.slice(x, "high", 4, {4});
  plan.add(step("1", {}, {low}, 0));
  plan.add(step("2", {}, {high}, 1));
  plan.add(step("3", {x}, {}, 0));
  const Layout layout = lay_out(plan, false);
  EXPECT_TRUE(layout.waits[1].empty());
  EXPECT_EQ(layout.waits[2], std::vector<int>{1});
}

// The first step after which a number is not finite, in what it writes.
TEST(Executor, FindsWhereANumberStopsBeingFinite) {
  Plan plan;
  const TensorId x = plan.external("x", {4}), root = plan.tensor("root", {4}),
                 inverse = plan.tensor("inverse", {4}, DType::bf16),
                 count = plan.external("count", {1}, DType::u64);
  plan.add({.op = "root",
            .name = "first",
            .reads = {x},
            .writes = {count, root},
            .run = [=](const Queue&, const TensorTable& t) {
              *t[count].as<uint64_t>() = ~uint64_t{0};  // as floats, two NaN
              for (int i = 0; i < 4; i++)
                t[root].as<float>()[i] = std::sqrt(t[x].as<const float>()[i]);
            }});
  plan.add({.op = "inverse",
            .name = "second",
            .reads = {root},
            .writes = {inverse},
            .run = [=](const Queue&, const TensorTable& t) {
              for (int i = 0; i < 4; i++)
                t[inverse].as<BFloat16>()[i] = to_bf16(1 / t[root].as<const float>()[i]);
            }});
  const Layout layout = lay_out(plan, true);
  const Buffer arena(Device::cpu, layout.bytes);
  Executor executor(plan, layout);
  executor.attach(arena.data(), arena.bytes());
  float in[4] = {1, 2, 3, 4};
  uint64_t counted = 0;
  executor.bind(x, in);
  executor.bind(count, &counted);
  EXPECT_FALSE(executor.run_until_not_finite({}));
  in[3] = 0;
  const auto infinite = executor.run_until_not_finite({});
  ASSERT_TRUE(infinite);
  EXPECT_EQ(infinite->step, 1u);
  EXPECT_EQ(infinite->tensor, inverse);
  in[0] = -1;
  const auto nan = executor.run_until_not_finite({});
  ASSERT_TRUE(nan);
  EXPECT_EQ(nan->step, 0u);
  EXPECT_EQ(nan->tensor, root);
}

}  // namespace
}  // namespace dae
