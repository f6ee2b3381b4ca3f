// The corruption as other programs use it (dae/corruption.h): the op's bits, whoever calls it,
// however batches are split, in host memory and on the GPU.
#include <dae/corruption.h>
#include <dae/error.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "corrupt/corrupt.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

constexpr int64_t kBatch = 5, kHeight = 37, kWidth = 45, kElements = kHeight * kWidth * 3;
constexpr Replay kReplay = {.seed = 11, .step = 4, .first = 100};

std::vector<uint8_t> pictures() {
  const Values values = random_values(kBatch * kElements, 3, 0, 255);
  return {values.begin(), values.end()};
}

// By the op, with the draws of training for those places.
std::vector<float> expected(const CorruptSpec& spec) {
  const std::vector<uint8_t> given = pictures();
  std::vector<Source> sources;
  std::vector<Draw> draws;
  for (int64_t i = 0; i < kBatch; i++) {
    sources.push_back({&given[static_cast<size_t>(i * kElements)], 3 * kWidth,
                       static_cast<int32_t>(kHeight), static_cast<int32_t>(kWidth)});
    Draw draw = draw_training(spec, kReplay.seed, kReplay.step, kReplay.first + i, sources,
                              static_cast<int32_t>(kHeight), static_cast<int32_t>(kWidth));
    draw.view = {.image = i};
    draws.push_back(draw);
  }
  const CorruptFlags flags = flags_of(spec);
  const int64_t scratch = corrupt_workspace_count(Device::cpu, kWidth, flags.max_radius);
  std::vector<float> workspace(static_cast<size_t>(scratch)), corrupted(given.size());
  std::vector<uint8_t> clean(given.size());
  const Shape views = {kBatch, kHeight, kWidth, 3};
  corrupt(Queue{}, {sources.data(), {kBatch, int64_t{sizeof(Source)}}, DType::u8},
          {draws.data(), {kBatch, int64_t{sizeof(Draw)}}, DType::u8}, flags,
          {clean.data(), views, DType::u8}, {corrupted.data(), views},
          {workspace.data(), {scratch}});
  return corrupted;
}

class CorruptionTest : public OnDevice {
 protected:
  std::vector<float> apply(Corruption& corruption, const std::vector<uint8_t>& given,
                           const Replay& replay) {
    const int64_t batch = static_cast<int64_t>(given.size()) / kElements;
    std::vector<float> corrupted(given.size());
    if (GetParam() == Device::cpu) {
      corruption.apply(given.data(), batch, kHeight, kWidth, corrupted.data(), replay);
      return corrupted;
    }
    const Buffer on_gpu(Device::cuda, given.size()), result(Device::cuda, given.size() * 4);
    copy_between_devices(on_gpu.data(), given.data(), given.size());
    const cuda::Stream stream;
    corruption.apply_on_gpu(reinterpret_cast<const uint8_t*>(on_gpu.data()), batch, kHeight, kWidth,
                            reinterpret_cast<float*>(result.data()), replay, stream.get());
    stream.synchronize();
    copy_between_devices(corrupted.data(), result.data(), result.bytes());
    return corrupted;
  }

  // Two calls of one object give what another gives on the CPU. The second one's stream is waited
  // for first: work of the other may then not have begun.
  void expect_both_calls_alone(bool on_two_streams) {
    const std::vector<uint8_t> given = pictures();
    Replay next = kReplay;
    next.step++;
    for (const Variant& variant : variants(GetParam())) {
      SCOPED_TRACE(variant.name);
      variant.apply();
      Corruption corruption;
      const Buffer on_gpu(Device::cuda, given.size()), first(Device::cuda, given.size() * 4),
          second(Device::cuda, given.size() * 4);
      copy_between_devices(on_gpu.data(), given.data(), given.size());
      const cuda::Stream stream, another;
      const cuda::Stream& last = on_two_streams ? another : stream;
      for (const auto& [result, replay, on] :
           {std::tuple(&first, kReplay, &stream), {&second, next, &last}})
        corruption.apply_on_gpu(reinterpret_cast<const uint8_t*>(on_gpu.data()), kBatch, kHeight,
                                kWidth, reinterpret_cast<float*>(result->data()), replay,
                                on->get());
      last.synchronize();
      stream.synchronize();
      for (const auto& [result, replay] : {std::pair(&first, kReplay), {&second, next}}) {
        std::vector<float> corrupted(given.size()), alone(given.size());
        copy_between_devices(corrupted.data(), result->data(), result->bytes());
        Corruption().apply(given.data(), kBatch, kHeight, kWidth, alone.data(), replay);
        EXPECT_EQ(corrupted, alone);
      }
    }
  }
};

TEST_P(CorruptionTest, GivesTheOpsBits) {
  watch_launches();
  for (const Order order : {Order::classic, Order::camera})
    for (const Variant& variant : variants(GetParam())) {
      SCOPED_TRACE(variant.name);
      variant.apply();
      const CorruptSpec spec{.order = order};
      Corruption corruption(spec);
      EXPECT_EQ(apply(corruption, pictures(), kReplay), expected(spec));
    }
}

TEST_P(CorruptionTest, DrawsByPlaceAndNotByBatch) {
  watch_launches();
  Corruption corruption;
  const std::vector<uint8_t> given = pictures();
  const std::vector<float> all = apply(corruption, given, kReplay);
  // One at a time, the last one first, by an object that has done other things.
  for (int64_t i = kBatch; i-- > 0;) {
    Replay replay = kReplay;
    replay.first += i;
    const std::vector<uint8_t> one(given.begin() + i * kElements,
                                   given.begin() + (i + 1) * kElements);
    EXPECT_EQ(apply(corruption, one, replay),
              std::vector<float>(all.begin() + i * kElements, all.begin() + (i + 1) * kElements));
  }
  Replay other = kReplay;
  other.step++;
  EXPECT_NE(apply(corruption, given, other), all);
  EXPECT_EQ(apply(corruption, {}, kReplay), std::vector<float>{});
}

// Nothing of what was allocated for one picture is large enough for five.
TEST_P(CorruptionTest, ALargerBatchAfterASmallerOne) {
  watch_launches();
  Corruption corruption;
  const std::vector<uint8_t> given = pictures();
  apply(corruption, {given.begin(), given.begin() + kElements}, kReplay);
  EXPECT_EQ(apply(corruption, given, kReplay), expected({}));
}

// The second call's draws must not reach what the first one enqueued, which may not have run yet.
TEST_P(CorruptionTest, OneCallAfterAnotherWithoutWaiting) {
  watch_launches();
  if (GetParam() == Device::cpu) GTEST_SKIP() << "nothing is enqueued on the CPU";
  expect_both_calls_alone(false);
}

// Nor where nothing but the second call itself waits for the first one's stream.
TEST_P(CorruptionTest, OneCallAfterAnotherOnAnotherStream) {
  watch_launches();
  if (GetParam() == Device::cpu) GTEST_SKIP() << "nothing is enqueued on the CPU";
  expect_both_calls_alone(true);
}

INSTANTIATE_TEST_SUITE_P(Devices, CorruptionTest, testing::ValuesIn(tested_devices()), device_name);

std::string field_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const FieldError& error) {
    EXPECT_EQ(std::string(error.what()).rfind(error.field() + " ", 0), 0u) << error.what();
    return error.field();
  }
  return "nothing";
}

TEST(Corruption, RefusalsNameTheField) {
  EXPECT_EQ(field_of([] { Corruption({.noise = {5, 1}}); }), "noise");
  EXPECT_EQ(field_of([] { Corruption({.blur = {0, 9}}); }), "blur");
  EXPECT_EQ(field_of([] { Corruption({.channel = {NAN, 1}}); }), "channel");
}

// A batch of none is nothing to do, but its sizes are looked at.
TEST(Corruption, SizesAndNumbersHaveLimits) {
  Corruption corruption;
  const auto said_of = [&](int64_t batch, int64_t height, int64_t width, const Replay& replay) {
    const uint8_t given[6] = {};
    float corrupted[6];
    return said<FieldError>(
        [&] { corruption.apply(given, batch, height, width, corrupted, replay); });
  };
  constexpr int64_t kMostSide = 1'048'576, kLastStep = 268'435'455, kLastPlace = 4'294'967'295;
  EXPECT_EQ(said_of(1, 1, 1, {}), "accepted");
  EXPECT_EQ(said_of(-1, 1, 1, {}), "batch -1: give 0 or more");
  EXPECT_EQ(said_of(0, kMostSide, kMostSide, {}), "accepted");
  for (const int64_t side : {int64_t{0}, kMostSide + 1}) {
    EXPECT_EQ(said_of(0, side, 1, {}), fmt::format("height {}: give 1 to 1048576 pixels", side));
    EXPECT_EQ(said_of(0, 1, side, {}), fmt::format("width {}: give 1 to 1048576 pixels", side));
  }
  EXPECT_EQ(said_of(1, 1, 1, {.step = kLastStep}), "accepted");
  for (const int64_t step : {int64_t{-1}, kLastStep + 1})
    EXPECT_EQ(said_of(1, 1, 1, {.step = step}), fmt::format("step {}: give 0 to 268435455", step));
  EXPECT_EQ(said_of(1, 1, 1, {.first = kLastPlace}), "accepted");
  EXPECT_EQ(said_of(2, 1, 1, {.first = kLastPlace - 1}), "accepted");
  for (const int64_t first : {int64_t{-1}, kLastPlace})
    EXPECT_EQ(said_of(2, 1, 1, {.first = first}),
              fmt::format("first {}: pictures are numbered 0 to 4294967295", first));
}

}  // namespace
}  // namespace dae::test
