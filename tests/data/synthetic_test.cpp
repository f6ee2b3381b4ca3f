#include "data/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace dae::test {
namespace {

double grey(const Image& image, int64_t y, int64_t x) {
  const uint8_t* const p = &image.pixels[static_cast<size_t>((y * image.width + x) * 3)];
  return (p[0] + p[1] + p[2]) / 765.0;
}

// Mean squared difference of pixels `lag` apart.
double structure(int64_t lag) {
  double sum = 0, count = 0;
  for (uint64_t index = 0; index < 6; index++) {
    const Image image = draw_dead_leaves(3, index, 256, 256);
    for (int64_t y = 0; y < image.height; y++)
      for (int64_t x = 0; x + lag < image.width; x++) {
        const double d = grey(image, y, x + lag) - grey(image, y, x);
        sum += d * d;
        count++;
      }
  }
  return sum / count;
}

TEST(DeadLeaves, DependOnTheArgumentsAlone) {
  const Image a = draw_dead_leaves(1, 2, 40, 50);
  EXPECT_EQ(a.height, 40);
  EXPECT_EQ(a.width, 50);
  EXPECT_EQ(a.pixels.size(), 6000u);
  EXPECT_EQ(a.pixels, draw_dead_leaves(1, 2, 40, 50).pixels);
  EXPECT_NE(a.pixels, draw_dead_leaves(1, 3, 40, 50).pixels);
  EXPECT_NE(a.pixels, draw_dead_leaves(2, 2, 40, 50).pixels);
  EXPECT_EQ(draw_dead_leaves(1, 1, 1, 1).pixels.size(), 3u);
}

// What makes them like photographs: differences go on growing with distance over all scales, by
// much less than in proportion (smooth pictures: 2^2 a doubling; noise: 1).
TEST(DeadLeaves, HaveStructureAtEveryScale) {
  double last = structure(1);
  EXPECT_GT(last, 1e-4);
  for (int64_t lag = 2; lag <= 32; lag *= 2) {
    const double now = structure(lag);
    EXPECT_GT(now / last, 1.1) << "lag " << lag;
    EXPECT_LT(now / last, 3.0) << "lag " << lag;
    last = now;
  }
}

TEST(DeadLeaves, UseTheWholeRange) {
  const Image image = draw_dead_leaves(1, 1, 256, 256);
  const auto [low, high] = std::minmax_element(image.pixels.begin(), image.pixels.end());
  EXPECT_LT(*low, 40);
  EXPECT_GT(*high, 215);
}

}  // namespace
}  // namespace dae::test
