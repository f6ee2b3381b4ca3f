#include "kernels/schedule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae {
namespace {

class ScheduleTest : public testing::TestWithParam<Device> {};

// The learning rates of `steps` steps.
std::vector<float> rates(Device device, const Schedule& schedule, int steps) {
  const Buffer memory(device, sizeof(StepState));
  const Tensor state{memory.data(), {static_cast<int64_t>(sizeof(StepState))}, DType::u8};
  const StepState first{.schedule = schedule};
  copy_between_devices(memory.data(), &first, sizeof(first));
  std::vector<float> list;
  for (int i = 1; i <= steps; i++) {
    advance(Queue{device}, state);
    StepState now;
    copy_between_devices(&now, memory.data(), sizeof(now));
    EXPECT_EQ(now.step, static_cast<uint64_t>(i));
    list.push_back(now.learning_rate);
  }
  return list;
}

TEST_P(ScheduleTest, RisesThenFallsToZero) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const std::vector<float> got = rates(GetParam(), {.peak = 0.5, .warmup = 4, .total = 8}, 9);
  // 0.5 t / 4, then 0.25 (1 + cos(pi k / 4)): cos of 45, 90, 135 and 180 degrees.
  const double r = 0.70710678118654752;
  const double want[] = {0.125, 0.25, 0.375, 0.5, 0.25 * (1 + r), 0.25, 0.25 * (1 - r), 0, 0};
  for (int i = 0; i < 9; i++) EXPECT_NEAR(got[i], want[i], 1e-7) << "step " << i + 1;
}

// A run that goes on beyond its end warms up again.
TEST_P(ScheduleTest, StartsAgainWhereItIsTold) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const Schedule whole{.peak = 0.5, .warmup = 4, .total = 8};
  Schedule later = whole;
  later.start = 3;
  later.total = 11;
  const std::vector<float> first = rates(GetParam(), whole, 9), got = rates(GetParam(), later, 12);
  for (size_t i = 0; i < 9; i++) EXPECT_EQ(got[i + 3], first[i]) << "step " << i + 4;
}

TEST_P(ScheduleTest, MayHaveNoWarmup) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const std::vector<float> got = rates(GetParam(), {.peak = 1, .warmup = 0, .total = 2}, 2);
  EXPECT_NEAR(got[0], 0.5, 1e-7);
  EXPECT_EQ(got[1], 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, ScheduleTest, testing::ValuesIn(test::tested_devices()),
                         test::device_name);

TEST(Schedule, RefusesAStateOfAnotherTypeOrSizeOrBesideItsPlace) {
  alignas(8) uint8_t data[sizeof(StepState) + 4] = {};
  const int64_t size = sizeof(StepState);
  const auto said_of = [](const Tensor& state) {
    return test::said([&] { advance(Queue{}, state); });
  };
  EXPECT_EQ(said_of({data, {size}}), fmt::format("advance: state is f32 {}, expected u8", size));
  EXPECT_EQ(said_of({data, {8}, DType::u8}),
            fmt::format("advance: state is u8 8, expected shape {}", size));
  EXPECT_EQ(said_of({data + 4, {size}, DType::u8}),
            fmt::format("advance: state (u8 {}) starts at {}, which is not a multiple of 8 bytes",
                        size, static_cast<void*>(data + 4)));
}

}  // namespace
}  // namespace dae
