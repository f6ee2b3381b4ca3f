#include "quality/ssim.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

// scikit-image filters in fp64 too, in another order: what is left is rounding.
constexpr double kTolerance = 1e-10;

TEST(Ssim, AgreesWithScikitImage) {
  for (const auto& pair : quality_fixture("pairs")) {
    const Picture clean = picture_of(pair, "clean"), other = picture_of(pair, "other");
    const double want = number_or(pair.at("ssim_unclamped"), kNaN);
    const double got = ssim(clean.view(), other.view());
    EXPECT_TRUE(agree(got, want, kTolerance)) << pair.at("name") << ": " << got << " != " << want;
    EXPECT_TRUE(agree(ssim(other.view(), clean.view()), want, kTolerance)) << pair.at("name");
  }
}

TEST(Ssim, IdenticalImagesGiveOne) {
  const Picture a = make_picture(13, 19, texture);
  EXPECT_DOUBLE_EQ(ssim(a.view(), a.view()), 1);
}

// Without variance only the luminance term is left.
TEST(Ssim, ConstantImagesHaveAClosedForm) {
  const double u = 0.25, v = 0.75, c1 = 1e-4;
  const Picture a = make_picture(12, 11, [=](int64_t, int64_t) { return u; });
  const Picture b = make_picture(12, 11, [=](int64_t, int64_t) { return v; });
  EXPECT_NEAR(ssim(a.view(), b.view()), (2 * u * v + c1) / (u * u + v * v + c1), kTolerance);
}

TEST(Ssim, NeedsElevenPixelsASide) {
  for (const auto& [height, width] :
       {std::array{10, 30}, std::array{30, 10}, std::array{30, 7}, std::array{1, 1}}) {
    const Picture a = make_picture(height, width, texture);
    EXPECT_TRUE(std::isnan(ssim(a.view(), a.view()))) << height << "x" << width;
  }
}

TEST(Ssim, SameBitsFromSeveralThreads) {
  const Picture a = make_picture(20, 24, texture);
  const Picture b = make_picture(20, 24, [](int64_t i, int64_t c) { return texture(i + 5, c); });
  std::array<double, 16> results;
#pragma omp parallel for num_threads(4)
  for (size_t i = 0; i < results.size(); i++) results[i] = ssim(a.view(), b.view());
  for (const double result : results) EXPECT_EQ(result, results[0]);
}

TEST(Ssim, RefusesImagesOfTwoSizes) {
  expect_one_size(11, 12, [](FloatView a, FloatView b) { return ssim(a, b); });
}

}  // namespace
}  // namespace dae::test
