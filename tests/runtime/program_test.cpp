#include "runtime/program.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/activation.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/named_buffers.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// middle = x + sum, which is kept; sum += x. Between the two the arena is written again.
struct Running {
  TensorId x, sum, middle;
  Program program;

  explicit Running(Device device) : program(plan(device)) {}

 private:
  Program plan(Device device) {
    Plan plan;
    x = plan.external("x", {2});
    sum = plan.external("sum", {2}, DType::f32, dae::Role::state);
    middle = plan.tensor("middle", {2});
    const auto add_clear = [&](TensorId to) {
      plan.add({.op = "clear",
                .name = "clear",
                .writes = {to},
                .run = [=](const Queue& q, const TensorTable& t) {
                  if (q.device == Device::cuda)
                    cuda::clear_async(t[to].data, t[to].bytes(), q.stream);
                  else
                    std::memset(t[to].data, 0, t[to].bytes());
                }});
    };
    const auto add_sum = [&](TensorId of, TensorId to) {
      plan.add({.op = "add",
                .name = "add",
                .reads = {of, to},
                .writes = {to},
                .run = [=](const Queue& q, const TensorTable& t) { add(q, t[of], t[to]); }});
    };
    add_clear(middle);
    add_sum(x, middle);
    add_sum(sum, middle);
    plan.keep(middle);
    add_clear(plan.tensor("later", {2}));
    add_sum(x, sum);
    return {device, std::move(plan)};
  }
};

using Floats = std::vector<float>;

class ProgramTest : public OnDevice {};

TEST_P(ProgramTest, RunsInMemoryOfItsOwnAndCanBeRead) {
  for (const Variant& variant : many_variants(GetParam())) {
    variant.apply();
    Running running(GetParam());
    Program& program = running.program;
    EXPECT_THROW(program.run(), Error) << "it has no memory";
    program.allocate();
    const float x[] = {1, 2};
    program.write(running.x, x);
    program.run();
    EXPECT_EQ(program.floats(running.middle), (Floats{1, 2})) << "sum was zeroed " << variant.name;
    program.run();
    EXPECT_EQ(program.plan().outputs(), std::vector<TensorId>{running.middle});
    EXPECT_EQ(program.floats(running.middle), (Floats{2, 4})) << variant.name;
    float sum[2];
    program.read(running.sum, sum);
    EXPECT_EQ(sum[1], 4) << variant.name;
  }
}

TEST_P(ProgramTest, RunsInMemoryOfOthers) {
  Running first(GetParam()), second(GetParam());
  const Buffer arena(GetParam(), first.program.layout().bytes);
  const Buffer sum(GetParam(), 2 * sizeof(float));
  const float x[] = {1, 2};
  for (Running* const running : {&first, &second}) {
    EXPECT_THROW(running->program.attach({arena.data(), arena.bytes() - 1}), Error);
    running->program.attach({arena.data(), arena.bytes()});
    running->program.bind(running->sum, sum.data());
    running->program.allocate();
    running->program.write(running->x, x);
    running->program.run();
  }
  EXPECT_EQ(second.program.floats(second.middle), (Floats{2, 4}));
  EXPECT_EQ(first.program.tensor(first.middle).data, second.program.tensor(second.middle).data);
  EXPECT_NE(first.program.tensor(first.x).data, second.program.tensor(second.x).data);
}

TEST_P(ProgramTest, SharesMemoryByName) {
  Running first(GetParam()), second(GetParam());
  NamedBuffers buffers(GetParam());
  for (Running* const running : {&first, &second}) {
    buffers.bind(running->program.executor());
    running->program.allocate();
  }
  const float x[] = {3, 4};
  first.program.write(first.x, x);
  first.program.run();
  second.program.run();
  EXPECT_EQ(first.program.floats(first.sum), (Floats{6, 8}));
  EXPECT_EQ(second.program.tensor(second.x).data, buffers["x"].data());
  try {
    buffers["sums"];
    FAIL() << "there is none";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "there is no memory named sums; there is sum, x");
  }
}

// Memory is as large as what was bound first: a smaller tensor of its name shares it.
TEST_P(ProgramTest, NoTensorIsLargerThanTheFirstOfItsName) {
  NamedBuffers buffers(GetParam());
  const auto bind = [&](int64_t count) {
    Plan plan;
    plan.external("x", {count});
    Program program(GetParam(), std::move(plan));
    buffers.bind(program.executor());
    return program.tensor(0).data;
  };
  const void* const first = bind(2);
  EXPECT_EQ(bind(1), first);
  EXPECT_EQ(said([&] { bind(3); }), "x takes 12 bytes here and 8 where it was bound first");
  EXPECT_EQ(buffers["x"].bytes(), 8u);
}

TEST(Program, FloatsAreNothingElse) {
  Plan plan;
  const TensorId codes = plan.external("codes", {4}, DType::u8);
  Program program(Device::cpu, std::move(plan));
  program.allocate();
  EXPECT_THROW(program.floats(codes), Error);
}

INSTANTIATE_TEST_SUITE_P(Devices, ProgramTest, testing::ValuesIn(tested_devices()), device_name);

}  // namespace
}  // namespace dae::test
