// Shapes and views, and the sentences that say which tensor an op cannot take.
// Simulated GPU: not at all (nothing runs on a device: its name alone decides what is said)
#include "runtime/tensor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/device.h"
#include "runtime/varied_buffer.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

TEST(Tensor, TypesHaveTheirSizesAndNames) {
  struct Known {
    DType dtype;
    size_t size;
    std::string name;
  };
  for (const Known& known : {Known{dtype_of<float>(), sizeof(float), "f32"},
                             {dtype_of<BFloat16>(), sizeof(BFloat16), "bf16"},
                             {dtype_of<uint8_t>(), sizeof(uint8_t), "u8"},
                             {dtype_of<int32_t>(), sizeof(int32_t), "i32"},
                             {dtype_of<uint64_t>(), sizeof(uint64_t), "u64"}}) {
    EXPECT_EQ(size_of(known.dtype), known.size);
    EXPECT_EQ(name_of(known.dtype), known.name);
    const Tensor tensor{nullptr, {3, 5}, known.dtype};
    EXPECT_EQ(tensor.bytes(), 15 * known.size);
    EXPECT_EQ(to_string(tensor), known.name + " 3x5");
  }
}

TEST(Tensor, ShapesCountWhatTheyHold) {
  EXPECT_EQ(Shape().count(), 1);
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ(Shape({2, 3, 5, 7}).count(), 210);
  EXPECT_EQ(Shape({2, 0, 5}).count(), 0);
  EXPECT_EQ(Shape({2, 3, 5}).rank(), 3);
  EXPECT_EQ(Shape({2, 3, 5})[2], 5);
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_FALSE(Shape({2, 3}) == Shape({3, 2}));
  EXPECT_FALSE(Shape({2, 3}) == Shape({2, 3, 0})) << "a dimension of none is one";
  EXPECT_EQ(to_string(Shape()), "scalar");
  EXPECT_EQ(to_string(Shape({7})), "7");
  EXPECT_EQ(to_string(Shape({16, 64, 8, 3})), "16x64x8x3");
  EXPECT_EQ(said([] { Shape({1, 2, 3, 4, 5}); }), "a shape has at most 4 dimensions, not 5");
  EXPECT_EQ(said([] { Shape({1, -2}); }), "a shape cannot have the negative dimension -2");
}

TEST(Tensor, ElementsAreReadAsWhatTheyAre) {
  float values[6] = {};
  const Tensor tensor{values, {2, 3}};
  EXPECT_EQ(tensor.as<float>(), values);
  EXPECT_EQ(tensor.as<const float>(), values);
  EXPECT_EQ(said([&] { tensor.as<int32_t>(); }), "tensor f32 2x3 read as i32");
}

TEST(Tensor, GroupsOfChannelsFoldIntoTheBatch) {
  float values[2 * 5 * 3 * 8] = {};
  const Tensor blocked{values, {2, 5, 3, 8}, DType::f32, 4}, plain{values, {2, 5, 3, 8}};
  EXPECT_EQ(to_string(blocked), "f32 2x5x3x8/4");
  const Tensor folded = blocked.folded();
  EXPECT_EQ(to_string(folded), "f32 4x5x3x4");
  EXPECT_EQ(folded.data, values);
  EXPECT_EQ(folded.block, 1);
  EXPECT_EQ(to_string(plain.folded()), "f32 2x5x3x8");
  const Tensor halves{values, {2, 5, 3, 8}, DType::bf16, 2};
  EXPECT_EQ(to_string(halves.folded()), "bf16 8x5x3x2");
}

// Each check takes what it is for, and else names the op, the argument and both sides.
TEST(Tensor, ChecksSayWhatIsWrong) {
  alignas(64) float values[64] = {};
  const Tensor x{values, {2, 2, 2, 4}}, blocked{values, {2, 2, 2, 4}, DType::f32, 2},
      half{values, {2, 2, 2, 4}, DType::bf16}, bytes{values, {2, 2, 2, 4}, DType::u8},
      other{values, {2, 2, 4, 2}}, later{values + 1, {4}}, none{values + 1, {0}};
  EXPECT_EQ(said([&] { check_shape("op", "x", x, {2, 2, 2, 4}); }), "accepted");
  EXPECT_EQ(said([&] {
              check_shape("op", "x", blocked, {2, 2});
            }),
            "op: x is f32 2x2x2x4/2, expected shape 2x2");
  EXPECT_EQ(said([&] { check_dtype("op", "x", x, DType::f32); }), "accepted");
  EXPECT_EQ(said([&] { check_dtype("op", "x", x, DType::u64); }),
            "op: x is f32 2x2x2x4, expected u64");
  for (const Device device : {Device::cpu, Device::cuda}) {
    const bool gpu = device == Device::cuda;
    EXPECT_EQ(said([&] { check_float("op", "x", x, device); }), "accepted");
    EXPECT_EQ(said([&] { check_float("op", "x", half, device); }),
              gpu ? "accepted" : "op: x is bf16 2x2x2x4, expected f32");
    EXPECT_EQ(said([&] { check_float("op", "x", bytes, device); }),
              std::string("op: x is u8 2x2x2x4, expected f32") + (gpu ? " or bf16" : ""));
    EXPECT_EQ(said([&] { check_layout("op", "x", x, device); }), "accepted");
    EXPECT_EQ(
        said([&] { check_layout("op", "x", blocked, device); }),
        gpu ? "op: x is f32 2x2x2x4/2, blocked: cuda has plain NHWC tensors alone" : "accepted");
  }
  EXPECT_EQ(said([&] { check_same_layout("op", "x and y", x, x); }), "accepted");
  EXPECT_EQ(said([&] { check_same_layout("op", "x and y", x, half); }), "accepted");
  EXPECT_EQ(said([&] { check_same_layout("op", "x and y", x, other); }),
            "op: x and y must have one shape and layout, got f32 2x2x2x4 and f32 2x2x4x2");
  EXPECT_EQ(said([&] { check_same_layout("op", "x and y", x, blocked); }),
            "op: x and y must have one shape and layout, got f32 2x2x2x4 and f32 2x2x2x4/2");
  EXPECT_EQ(said([&] { check_aligned("op", "x", x, 64); }), "accepted");
  EXPECT_EQ(said([&] { check_aligned("op", "x", later, 4); }), "accepted");
  EXPECT_EQ(said([&] { check_aligned("op", "x", none, 64); }), "accepted");
  EXPECT_EQ(said([&] { check_aligned("op", "x", later, 8); }),
            fmt::format("op: x (f32 4) starts at {}, which is not a multiple of 8 bytes",
                        static_cast<void*>(values + 1)));
}

// Numbers between -1 and 1 of both signs, none of which comes twice in 2^20, and then the same ones.
TEST(VariedBuffer, HasTheSameNumbersAgainAndAgain) {
  constexpr int64_t kDistinct = 1 << 20;
  for (const int64_t count : {int64_t{5}, 2 * kDistinct + 3}) {
    const Buffer buffer = varied_buffer(Device::cpu, count, DType::f32);
    const Buffer halves = varied_buffer(Device::cpu, count, DType::bf16);
    ASSERT_EQ(buffer.bytes(), static_cast<size_t>(count) * 4);
    ASSERT_EQ(halves.bytes(), static_cast<size_t>(count) * 2);
    const auto* const values = reinterpret_cast<const float*>(buffer.data());
    const auto* const rounded = reinterpret_cast<const BFloat16*>(halves.data());
    std::vector<float> sorted(values, values + std::min(count, kDistinct));
    for (int64_t i = 0; i < count; i++) {
      ASSERT_LE(std::abs(values[i]), 1);
      ASSERT_EQ(values[i], values[i % kDistinct]) << i;
      ASSERT_NEAR(to_float(rounded[i]), values[i], 0x1p-8 * std::abs(values[i])) << i;
    }
    std::sort(sorted.begin(), sorted.end());
    if (count > kDistinct) {
      // Rounded to 24 bits a few meet.
      const auto distinct = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
      EXPECT_GT(distinct, kDistinct * 9 / 10);
      EXPECT_LT(sorted[kDistinct / 4], -0.4);
      EXPECT_GT(sorted[static_cast<size_t>(distinct) * 3 / 4], 0.4);
    }
  }
}

}  // namespace
}  // namespace dae::test
