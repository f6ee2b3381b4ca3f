#include "quality/psnr.h"

#include <gtest/gtest.h>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

TEST(Psnr, ConstantShiftGivesItsSquare) {
  const Picture a = make_picture(5, 7, [](int64_t, int64_t) { return 0.25; });
  const Picture b = make_picture(5, 7, [](int64_t, int64_t) { return 0.375; });
  EXPECT_EQ(mean_squared_error(a.view(), b.view()), 1.0 / 64);
  EXPECT_EQ(mean_squared_error(b.view(), a.view()), 1.0 / 64);
}

TEST(Psnr, CountsEveryChannelOfEveryPixel) {
  const Picture a = make_picture(2, 3, [](int64_t, int64_t) { return 0.5; });
  for (size_t i = 0; i < a.values.size(); i++) {
    Picture b = a;
    b.values[i] = 1.5f;
    EXPECT_EQ(mean_squared_error(a.view(), b.view()), 1.0 / 18) << "element " << i;
  }
}

// 3e6 squares of 1e-6: an f32 sum would stop growing and miss by far more.
TEST(Psnr, SumsLargeImagesInFp64) {
  const Picture a = make_picture(1000, 1000, [](int64_t, int64_t) { return 0.0; });
  const Picture b = make_picture(1000, 1000, [](int64_t, int64_t) { return 1e-3f; });
  EXPECT_NEAR(mean_squared_error(a.view(), b.view()) / (double{1e-3f} * 1e-3f), 1, 1e-9);
}

TEST(Psnr, DecibelsOfKnownErrors) {
  EXPECT_DOUBLE_EQ(psnr_of(0.01), 20);
  EXPECT_DOUBLE_EQ(psnr_of(1), 0);
  EXPECT_DOUBLE_EQ(psnr_of(10), -10);
  EXPECT_EQ(psnr_of(0), kInfinity);
}

TEST(Psnr, RefusesImagesOfTwoSizes) {
  expect_one_size(2, 3, [](FloatView a, FloatView b) { return mean_squared_error(a, b); });
}

}  // namespace
}  // namespace dae::test
