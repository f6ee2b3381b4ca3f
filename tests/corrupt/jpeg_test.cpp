// What a JPEG file leaves of a corrupted picture, against the standard's formulas in fp64; against
// the library that writes such files: tests/data/jpeg_file_test.cpp.
#include "corrupt/jpeg.h"

#include <gtest/gtest.h>

#include <array>
#include <numbers>

#include "runtime/error.h"
#include "tests/support/corrupt_run.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

constexpr int kLight[64] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                            14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                            18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                            49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
// By rows; what is left of them is 99.
const std::vector<std::vector<int>> kColour = {
    {17, 18, 24, 47}, {18, 21, 26, 66}, {24, 26, 56}, {47, 66}};

double step_of(bool colour, size_t v, size_t u, int quality) {
  const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  int value = kLight[8 * v + u];
  if (colour) value = v < kColour.size() && u < kColour[v].size() ? kColour[v][u] : 99;
  return std::clamp((value * scale + 50) / 100, 1, 255);
}

// T.81 A.3.3; its own inverse but for which sum is taken.
double basis(size_t frequency, size_t place) {
  return (frequency == 0 ? std::sqrt(0.125) : 0.5) *
         std::cos((2.0 * static_cast<double>(place) + 1) * static_cast<double>(frequency) *
                  std::numbers::pi / 16);
}

double whole_byte(double value) {
  return std::clamp(std::nearbyint(value), 0.0, 255.0);
}

using Block = std::array<std::array<double, 3>, 64>;  // RGB in bytes, row by row

Block rounded(Block block, int quality) {
  for (auto& [r, g, b] : block) {
    const double y = std::nearbyint(0.299 * r + 0.587 * g + 0.114 * b);
    const double cb = std::nearbyint((b - (0.299 * r + 0.587 * g + 0.114 * b)) / 1.772);
    const double cr = std::nearbyint((r - (0.299 * r + 0.587 * g + 0.114 * b)) / 1.402);
    r = y - 128, g = cb, b = cr;
  }
  Block frequencies = {}, back = {};
  for (size_t c = 0; c < 3; c++) {
    for (size_t v = 0; v < 8; v++)
      for (size_t u = 0; u < 8; u++) {
        double& sum = frequencies[8 * v + u][c];
        for (size_t i = 0; i < 64; i++) sum += basis(v, i / 8) * basis(u, i % 8) * block[i][c];
        const double step = step_of(c > 0, v, u, quality);
        sum = std::copysign(std::floor(std::abs(sum) / step + 0.501), sum) * step;
      }
    for (size_t i = 0; i < 64; i++)
      for (size_t f = 0; f < 64; f++)
        back[i][c] += basis(f / 8, i / 8) * basis(f % 8, i % 8) * frequencies[f][c];
  }
  for (auto& [r, g, b] : back) {
    const double y = whole_byte(r + 128), cb = whole_byte(g + 128) - 128,
                 cr = whole_byte(b + 128) - 128;
    r = whole_byte(y + 1.402 * cr);
    g = whole_byte(y - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587);
    b = whole_byte(y + 1.772 * cb);
  }
  return back;
}

Draw draw_of(int64_t image, int quality) {
  Draw draw;
  draw.view.image = image;
  draw.degradation.jpeg = quality;
  return draw;
}

constexpr CorruptFlags kFlags = {.clip = false, .quantize = false, .jpeg = true, .max_radius = 0};

class JpegTest : public OnDevice {};

// Smooth ramps with some noise on them, since random bytes clip everywhere.
Picture picture_of(int32_t height, int32_t width, uint64_t seed) {
  Picture picture(height, width, seed);
  for (int32_t y = 0; y < height; y++)
    for (int32_t i = 0; i < 3 * width; i++) {
      uint8_t& value = picture.pixels[static_cast<size_t>(y * 3 * width + i)];
      value = static_cast<uint8_t>(60 + (2 * y + i / 3 + 37 * (i % 3)) % 120 + value % 24);
    }
  return picture;
}

TEST_P(JpegTest, MatchesFp64OnOddShapes) {
  int64_t elements = 0, different = 0;
  for (const auto& [height, width] : std::initializer_list<std::pair<int32_t, int32_t>>{
           {1, 1}, {8, 8}, {7, 9}, {40, 70}, {17, 136}, {65, 3}}) {
    const std::vector<Picture> pictures = {picture_of(height, width, 1),
                                           picture_of(height, width, 2)};
    for (const auto& [first, second] : {std::pair{1, 25}, {49, 50}, {90, 100}}) {
      const std::vector<Draw> draws = {draw_of(0, first), draw_of(1, second)};
      const Result got = run(GetParam(), pictures, draws, kFlags, height, width);
      for (size_t view = 0; view < 2; view++)
        for (int32_t top = 0; top < height; top += 8)
          for (int32_t left = 0; left < width; left += 8) {
            Block block;
            for (int32_t i = 0; i < 64; i++)
              for (size_t c = 0; c < 3; c++) {
                const int32_t y = std::min(top + i / 8, height - 1),
                              x = std::min(left + i % 8, width - 1);
                block[static_cast<size_t>(i)][c] =
                    pictures[view].pixels[static_cast<size_t>((y * width + x) * 3) + c];
              }
            const Block want = rounded(block, view == 0 ? first : second);
            for (int32_t i = 0; i < 64; i++) {
              const int32_t y = top + i / 8, x = left + i % 8;
              if (y >= height || x >= width) continue;
              for (size_t c = 0; c < 3; c++, elements++) {
                const auto at = ((view * static_cast<size_t>(height) + static_cast<size_t>(y)) *
                                     static_cast<size_t>(width) +
                                 static_cast<size_t>(x)) *
                                    3 +
                                c;
                const float value = got.corrupted[at];
                ASSERT_EQ(value, std::nearbyint(value * 255) / 255.0f) << "a byte";
                different += std::abs(value * 255 - want[static_cast<size_t>(i)][c]) > 0.01;
              }
            }
          }
    }
  }
  // Where a sum lies on the edge between two whole numbers, f32 and fp64 may choose differently, for a
  // coefficient and so for its block.
  EXPECT_LT(static_cast<double>(different), 0.005 * static_cast<double>(elements));
}

TEST_P(JpegTest, TheSameBitsAsTheCpus) {
  watch_launches();
  const std::vector<Picture> pictures = {picture_of(50, 150, 3)};
  std::vector<Draw> draws;
  for (const int quality : {3, 0, 60, 97}) draws.push_back(draw_of(0, quality));
  for (Draw& draw : draws) draw.degradation.noise_sigma = 0.3f;  // over the bounds
  const Result got = run(GetParam(), pictures, draws, kFlags, 50, 150),
               want = run(Device::cpu, pictures, draws, kFlags, 50, 150);
  EXPECT_EQ(got.corrupted, want.corrupted);
  EXPECT_EQ(got.clean, want.clean);
  if (GetParam() == Device::cpu) return;
  for (size_t i = 0; i < want.corrupted.size(); i++)
    ASSERT_EQ(got.rounded[i].bits, to_bf16(want.corrupted[i]).bits) << "in bf16, element " << i;
}

TEST_P(JpegTest, AViewThatIsNoFileStaysWhatItIs) {
  const std::vector<Picture> pictures = {picture_of(20, 20, 3)};
  std::vector<Draw> draws = {draw_of(0, 40), draw_of(0, 0)};
  draws[1].degradation.noise_sigma = 0.1f;
  const Result got = run(GetParam(), pictures, draws, kFlags, 20, 20);
  CorruptFlags without = kFlags;
  without.jpeg = false;
  const Result want = run(GetParam(), pictures, {draws[1]}, without, 20, 20);
  EXPECT_TRUE(std::equal(want.corrupted.begin(), want.corrupted.end(),
                         got.corrupted.begin() + 20 * 20 * 3));
}

INSTANTIATE_TEST_SUITE_P(Devices, JpegTest, testing::ValuesIn(tested_devices()), device_name);

TEST(Jpeg, RefusesWhatTheFlagsDeny) {
  const std::vector<Picture> pictures = {picture_of(8, 8, 3)};
  CorruptFlags without = kFlags;
  without.jpeg = false;
  EXPECT_THROW(run(Device::cpu, pictures, {draw_of(0, 50)}, without, 8, 8), Error);
  for (const int quality : {-1, 101})
    EXPECT_THROW(run(Device::cpu, pictures, {draw_of(0, quality)}, kFlags, 8, 8), Error);
}

TEST(Jpeg, QualitiesAreDrawnAsWholeNumbers) {
  CorruptSpec spec;
  spec.jpeg = {30, 33};
  CorruptSpec without;
  std::array<int, 4> drawn = {};
  for (int64_t slot = 0; slot < 600; slot++) {
    const Degradation d = draw_degradation(spec, 5, 2, slot);
    ASSERT_GE(d.jpeg, 30);
    ASSERT_LE(d.jpeg, 33);
    drawn[static_cast<size_t>(d.jpeg - 30)]++;
    EXPECT_EQ(d.noise_sigma, draw_degradation(without, 5, 2, slot).noise_sigma);
    EXPECT_EQ(draw_degradation(without, 5, 2, slot).jpeg, 0);
  }
  for (const int count : drawn) EXPECT_GT(count, 60);
  EXPECT_TRUE(flags_of(spec).jpeg);
  EXPECT_FALSE(flags_of(without).jpeg);
}

}  // namespace
}  // namespace dae::test
