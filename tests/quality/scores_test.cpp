#include "quality/scores.h"

#include <gtest/gtest.h>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

struct Measure {
  const char* name;
  double Scores::*value;
  double if_null;
  double tolerance;
};

// The aligned picture is rounded to f32 after a gain that may differ in its last bit, which moves
// its MSE by about 1e-8 relative; for CIEDE2000 see ciede2000_test.cpp.
const Measure kMeasures[] = {
    {"mse", &Scores::mse, kNaN, 1e-14},
    {"psnr", &Scores::psnr, kInfinity, 1e-10},
    {"ssim", &Scores::ssim, kNaN, 1e-10},
    {"aligned_mse", &Scores::aligned_mse, kNaN, 1e-9},
    {"aligned_psnr", &Scores::aligned_psnr, kInfinity, 1e-6},
    {"aligned_ssim", &Scores::aligned_ssim, kNaN, 1e-7},
    {"brightness_error", &Scores::brightness_error, kNaN, 1e-9},
    {"colour_error", &Scores::colour_error, kNaN, 1e-9},
    {"ciede2000", &Scores::ciede2000, kNaN, 1e-3},
};

TEST(Scores, AgreeWithScikitImageAndNumpy) {
  for (const auto& pair : quality_fixture("pairs")) {
    const Picture clean = picture_of(pair, "clean"), other = picture_of(pair, "other");
    const Scores scores = score(clean.view(), other.view());
    for (const Measure& measure : kMeasures) {
      const double got = scores.*measure.value;
      const double want = number_or(pair.at(measure.name), measure.if_null);
      EXPECT_TRUE(agree(got, want, measure.tolerance))
          << pair.at("name") << ", " << measure.name << ": " << got << " != " << want;
    }
  }
}

TEST(Scores, PureGainSparesTheAlignedOnes) {
  const Picture clean = make_picture(16, 12, texture);
  const Picture dark = make_picture(
      16, 12, [](int64_t i, int64_t c) { return double{static_cast<float>(texture(i, c))} / 2; });
  const Scores scores = score(clean.view(), dark.view());
  EXPECT_LT(scores.psnr, 14);
  EXPECT_EQ(scores.aligned_mse, 0);
  EXPECT_EQ(scores.aligned_psnr, kInfinity);
  EXPECT_DOUBLE_EQ(scores.aligned_ssim, 1);
  EXPECT_NEAR(scores.brightness_error, 100 * std::log(2), 1e-9);
  EXPECT_EQ(scores.colour_error, 0);
}

double decibels(double mse) {
  return mse == 0 ? kInfinity : -10 * std::log10(mse);
}

Scores with_mse(double mse, double aligned) {
  Scores scores;
  scores.mse = mse;
  scores.psnr = decibels(mse);
  scores.aligned_mse = aligned;
  scores.aligned_psnr = decibels(aligned);
  return scores;
}

TEST(Summary, MeanOfPsnrAndPsnrOfPooledErrorDiffer) {
  const Summary summary = summarize({with_mse(0.1, 0.01), with_mse(0.001, 0.0001)});
  EXPECT_EQ(summary.images, 2);
  EXPECT_DOUBLE_EQ(summary.mean.psnr, 20);
  EXPECT_DOUBLE_EQ(summary.mean.aligned_psnr, 30);
  EXPECT_NEAR(summary.pooled_psnr, -10 * std::log10(0.0505), 1e-12);
  EXPECT_NEAR(summary.pooled_aligned_psnr, -10 * std::log10(0.00505), 1e-12);
}

TEST(Summary, ExactImagesAreInNoMeanOfPsnr) {
  const Scores exact = with_mse(0, 0), darker = with_mse(0.04, 0), other = with_mse(0.02, 0.003);
  const Summary summary = summarize({exact, darker, other});
  EXPECT_EQ(summary.exact, 1);
  EXPECT_EQ(summary.aligned_exact, 2);
  EXPECT_DOUBLE_EQ(summary.mean.psnr, (darker.psnr + other.psnr) / 2);
  EXPECT_DOUBLE_EQ(summary.mean.aligned_psnr, other.aligned_psnr);
  EXPECT_NEAR(summary.pooled_psnr, decibels(0.02), 1e-12);
  EXPECT_NEAR(summary.pooled_aligned_psnr, 30, 1e-12);
  EXPECT_EQ(summarize({exact, exact}).mean.psnr, kInfinity);
  EXPECT_EQ(summarize({other}).exact, 0);
}

TEST(Summary, SsimIsAveragedWhereThereIsOne) {
  Scores none, some;
  none.ssim = none.aligned_ssim = kNaN;
  some.ssim = 0.5;
  some.aligned_ssim = 0.75;
  EXPECT_EQ(summarize({none, some, none}).mean.ssim, 0.5);
  EXPECT_EQ(summarize({none, some, none}).mean.aligned_ssim, 0.75);
  EXPECT_TRUE(std::isnan(summarize({none}).mean.ssim));
}

TEST(Summary, OfNoImagesIsNaN) {
  const Summary summary = summarize({});
  EXPECT_EQ(summary.images, 0);
  EXPECT_TRUE(std::isnan(summary.mean.psnr));
  EXPECT_TRUE(std::isnan(summary.pooled_psnr));
}

TEST(Summary, AveragesEveryMeasure) {
  for (const Measure& measure : kMeasures) {
    Scores a, b;
    a.*measure.value = 1;
    b.*measure.value = 4;
    EXPECT_EQ(summarize({a, b}).mean.*measure.value, 2.5) << measure.name;
  }
}

}  // namespace
}  // namespace dae::test
