#include "quality/gain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

Picture scaled(const Picture& picture, const Gain& gain) {
  Picture out = picture;
  for (size_t i = 0; i < out.values.size(); i++)
    out.values[i] = static_cast<float>(out.values[i] * gain[i % 3]);
  return out;
}

void expect_gain(const Gain& got, const std::vector<double>& want, double tolerance,
                 const std::string& name) {
  for (size_t c = 0; c < 3; c++)
    EXPECT_NEAR(got[c], want[c], tolerance) << name << ", channel " << c;
}

TEST(Gain, AgreesWithNumpyLeastSquares) {
  for (const auto& pair : quality_fixture("pairs")) {
    const Picture clean = picture_of(pair, "clean");
    Picture other = picture_of(pair, "other");
    for (float& value : other.values) value = std::clamp(value, 0.0f, 1.0f);
    expect_gain(fit_gain(clean.view(), other.view()), pair.at("gain"), 1e-12, pair.at("name"));
  }
}

// Powers of two scale floats exactly, so nothing may be left.
TEST(Gain, PureGainIsRemovedExactly) {
  const Picture clean = make_picture(9, 7, texture), dark = scaled(clean, {0.5, 1, 0.25});
  const Gain gain = fit_gain(clean.view(), dark.view());
  EXPECT_EQ(gain, (Gain{2, 1, 4}));
  EXPECT_EQ(apply_gain(dark.view(), gain), clean.values);
}

TEST(Gain, ClippedPixelsDoNotCount) {
  const Picture clean = make_picture(9, 7, texture);
  Picture bright = scaled(clean, {1.25, 1.25, 1.25});
  bright.values[3] = 1;  // one clipped channel leaves the whole pixel out
  Picture half_black = clean;
  for (size_t i = 60; i < 90; i++) half_black.values[i] = 0;
  expect_gain(fit_gain(clean.view(), bright.view()), {0.8, 0.8, 0.8}, 1e-6, "clipped");
  expect_gain(fit_gain(half_black.view(), clean.view()), {1, 1, 1}, 1e-12, "black in clean");
}

TEST(Gain, WithoutUnclippedPixelsAllCount) {
  const Picture white = make_picture(1, 2, [](int64_t, int64_t) { return 1.0; });
  const Picture grey = make_picture(1, 2, [](int64_t, int64_t) { return 0.5; });
  EXPECT_EQ(fit_gain(white.view(), grey.view()), (Gain{2, 2, 2}));
}

TEST(Gain, SixteenUnclippedPixelsAreEnough) {
  for (const int64_t unclipped : {15, 16}) {
    const auto white_after = [=](double value) {
      return make_picture(1, 20, [=](int64_t i, int64_t) { return i < unclipped ? value : 1.0; });
    };
    const Gain gain = fit_gain(white_after(0.5).view(), white_after(0.25).view());
    EXPECT_EQ(gain[0] == 2, unclipped == 16) << unclipped << " pixels, gain " << gain[0];
  }
}

TEST(Gain, BlackTellsNoGain) {
  const Picture black = make_picture(8, 8, [](int64_t, int64_t) { return 0.0; });
  const Picture grey = make_picture(8, 8, [](int64_t, int64_t) { return 0.5; });
  EXPECT_EQ(fit_gain(black.view(), grey.view()), (Gain{1, 1, 1}));
  EXPECT_EQ(fit_gain(grey.view(), black.view()), (Gain{1, 1, 1}));
}

TEST(Gain, AppliedGainStaysInTheRange) {
  const Picture image = make_picture(1, 2, [](int64_t i, int64_t) { return i == 0 ? 0.75 : -0.5; });
  EXPECT_EQ(apply_gain(image.view(), {2, 1, 0.5}), (std::vector<float>{1, 0.75f, 0.375f, 0, 0, 0}));
}

TEST(Gain, ErrorSplitsBrightnessFromColour) {
  for (const double factor : {0.5, 2.0}) {
    const GainError error = gain_error({factor, factor, factor});
    EXPECT_NEAR(error.brightness, 100 * std::log(2), 1e-9);
    EXPECT_EQ(error.colour, 0);
  }
  const GainError red = gain_error({1.1, 1, 1});
  EXPECT_NEAR(red.colour, 100 * std::log(1.1) / 2, 1e-9);
  EXPECT_NEAR(red.brightness, 100 * std::log(1 + 0.1 * 0.2126), 1e-9);
  const GainError green = gain_error({1, 1.1, 1});  // both ratios change
  EXPECT_NEAR(green.colour, 100 * std::log(1.1), 1e-9);
  const GainError none = gain_error({1, 1, 1});
  EXPECT_NEAR(none.brightness, 0, 1e-9);
  EXPECT_EQ(none.colour, 0);
}

TEST(Gain, GreyWorldBringsEachMeanToTheTarget) {
  for (const auto& pair : quality_fixture("pairs")) {
    const Picture other = picture_of(pair, "other");
    expect_gain(grey_world_gain(other.view(), 0.4), pair.at("grey_world_gain"), 1e-9,
                pair.at("name"));
  }
  const Picture black = make_picture(2, 2, [](int64_t, int64_t) { return 0.0; });
  EXPECT_EQ(grey_world_gain(black.view(), 0.4), (Gain{1, 1, 1}));
}

TEST(Gain, RefusesImagesOfTwoSizes) {
  expect_one_size(2, 3, [](FloatView a, FloatView b) { return fit_gain(a, b); });
}

}  // namespace
}  // namespace dae::test
