#include "laboratory/measures/transfer.h"

#include <gtest/gtest.h>

#include <functional>
#include <numbers>

#include "laboratory/measures/interval.h"
#include "tests/support/degraded.h"

namespace dae::test {
namespace {

constexpr Gain kNone = {1, 1, 1};
constexpr int64_t kWindow = 64;

double gaussian_transfer(double variance, double f) {
  return std::exp(-2 * std::numbers::pi * std::numbers::pi * variance * f * f);
}

// `count` pictures of dead leaves and what `change` makes of each.
std::vector<RingSpectra> spectra_of(const std::function<Picture(const Picture&, uint64_t)>& change,
                                    uint64_t count = 8, uint64_t first = 0) {
  std::vector<RingSpectra> parts;
  for (uint64_t i = 0; i < count; i++) {
    const Picture clean = dead_leaves(first + i, 128), other = change(clean, i);
    parts.push_back(ring_spectra(clean.view(), other.view(), kNone, kWindow));
  }
  return parts;
}

double variance_of(const RingSpectra& spectra) {
  return fit_blur(spectra).variance;
}

// A window of 64 pixels mixes neighbouring frequencies of a steep spectrum, which makes transfers
// too large by up to 0.015 and a blur too small by up to 1.5 percent. Below 0.8 pixels a sampled
// Gaussian is not one.
TEST(Transfer, OfABlurIsItsGaussian) {
  for (const double sigma : {0.8, 1.2, 2.0}) {
    const auto blur = [&](const Picture& p, uint64_t) { return blurred(p, sigma); };
    const RingSpectra spectra = pool(spectra_of(blur));
    const std::vector<RadialBand> bands = radial_bands(spectra);
    for (size_t r = 2; r <= kWindow / 2; r++)
      EXPECT_NEAR(bands[r].transfer, gaussian_transfer(sigma * sigma, bands[r].frequency), 0.02)
          << "blur " << sigma << ", ring " << r;
    const BlurFit fit = fit_blur(spectra);
    EXPECT_NEAR(blur_pixels(fit.variance) / sigma, 1, 0.02);
    EXPECT_NEAR(fit.gain, 1, 0.01);
  }
}

TEST(Transfer, OfTheSamePictureIsOne) {
  const RingSpectra spectra = pool(spectra_of([](const Picture& p, uint64_t) { return p; }, 2));
  for (const RadialBand& band : radial_bands(spectra)) {
    EXPECT_NEAR(band.transfer, 1, 1e-12);
    EXPECT_NEAR(band.coherence, 1, 1e-12);
    EXPECT_EQ(band.error, 0);
  }
  EXPECT_NEAR(fit_blur(spectra).variance, 0, 1e-6);
  EXPECT_NEAR(texture_kept(spectra), 1, 1e-12);
}

// Blurs of 1.0 and 0.8 pixels of one scene: relative to the first the second is sharper, by the
// Gaussian of variance 0.64 - 1.
TEST(Transfer, OfASharperPictureHasNegativeVariance) {
  std::vector<RingSpectra> parts;
  for (uint64_t i = 0; i < 8; i++) {
    const Picture scene = dead_leaves(i, 128), clean = blurred(scene, 1),
                  other = blurred(scene, 0.8);
    parts.push_back(ring_spectra(clean.view(), other.view(), kNone, kWindow));
  }
  EXPECT_NEAR(variance_of(pool(parts)), -0.36, 0.02);
  EXPECT_EQ(blur_pixels(-0.36), -0.6);
  EXPECT_EQ(blur_pixels(0.36), 0.6);
}

TEST(Transfer, AGainIsNotSharpness) {
  const auto with = [](double gain) {
    return pool(
        spectra_of([=](const Picture& p, uint64_t) { return scaled(blurred(p, 1), gain); }));
  };
  const BlurFit plain = fit_blur(with(1)), dim = fit_blur(with(0.7)), bright = fit_blur(with(1.3));
  EXPECT_NEAR(dim.gain / plain.gain, 0.7, 1e-6);
  EXPECT_NEAR(bright.gain / plain.gain, 1.3, 1e-6);
  EXPECT_NEAR(dim.variance, plain.variance, 1e-5);
  EXPECT_NEAR(bright.variance, plain.variance, 1e-5);
}

// Noise of 0.1 hides all detail beyond a quarter of a cycle from a measure of power alone.
TEST(Transfer, NoiseIsNotDetail) {
  const auto parts_with = [](double noise, uint64_t seed) {
    return spectra_of(
        [=](const Picture& p, uint64_t i) { return noisy(blurred(p, 1), noise, 8 * seed + i); });
  };
  const RingSpectra quiet = pool(parts_with(0, 0));
  double sum = 0, squares = 0, errors = 0;
  constexpr int kDraws = 16;
  for (uint64_t seed = 0; seed < kDraws; seed++) {
    const std::vector<RingSpectra> parts = parts_with(0.1, seed);
    const RingSpectra loud = pool(parts);
    EXPECT_GT(loud.other[24] / loud.clean[24], 10 * quiet.other[24] / quiet.clean[24]);
    const double off = variance_of(loud) - variance_of(quiet);
    const double error = jackknife_error(jackknife(parts, variance_of));
    EXPECT_LT(std::abs(off), 4 * error);
    EXPECT_NEAR(texture_kept(loud), texture_kept(quiet),
                4 * jackknife_error(jackknife(parts, texture_kept)));
    sum += off;
    squares += off * off;
    errors += error * error;
  }
  // Noise does not move the mean of many draws, and their spread is what the jackknife says.
  EXPECT_LT(std::abs(sum / kDraws), 3 * std::sqrt(errors / kDraws / kDraws));
  EXPECT_NEAR(std::sqrt(squares / errors), 1, 0.4);
}

// White pictures and white noise with a quarter of their variance: 1 / (1 + 1/4) everywhere.
TEST(Transfer, CoherenceIsTheShareThatIsExplained) {
  const Picture flat = make_picture(256, 256, [](int64_t, int64_t) { return 0.5; });
  const Picture clean = noisy(flat, 0.1, 5), other = noisy(clean, 0.05, 6);
  const RingSpectra spectra = ring_spectra(clean.view(), other.view(), kNone, kWindow);
  const std::vector<RadialBand> bands = radial_bands(spectra);
  for (size_t r = 4; r <= kWindow / 2; r++) {
    EXPECT_NEAR(bands[r].coherence, 0.8, 0.05) << r;
    EXPECT_NEAR(bands[r].transfer, 1, 0.07) << r;
  }
}

// The mean of the Gaussian's square over rings 7 (7 / 64 > 0.1) to 32, and no more from noise.
TEST(Transfer, TextureKeptIsTheMeanPowerRatio) {
  double want = 0;
  for (int r = 7; r <= 32; r++) want += std::pow(gaussian_transfer(1, r / 64.0), 2) / 26;
  const auto kept = [](double noise) {
    return texture_kept(pool(spectra_of(
        [=](const Picture& p, uint64_t i) { return noisy(blurred(p, 1), noise, i); }, 16)));
  };
  EXPECT_NEAR(kept(0) / want, 1, 0.03);
  EXPECT_NEAR(kept(0.05) / want, 1, 0.03);
  // Texture of the right power in the wrong place is not kept; nor is one turned over.
  EXPECT_LT(texture_kept(pool(
                spectra_of([](const Picture&, uint64_t i) { return dead_leaves(100 + i, 128); }))),
            0.02);
  EXPECT_EQ(
      texture_kept(pool(spectra_of([](const Picture& p, uint64_t) { return scaled(p, -1); }, 1))),
      0);
}

TEST(Transfer, BandsCarryErrorAndPower) {
  const auto parts = spectra_of([](const Picture& p, uint64_t i) { return noisy(p, 0.1, i); });
  const std::vector<RadialBand> bands = radial_bands(pool(parts));
  double error = 0;
  for (const RadialBand& band : bands) error += band.error;
  EXPECT_NEAR(error, 0.01, 2e-4);
  EXPECT_EQ(bands[0].frequency, 0);
  EXPECT_NEAR(bands[16].frequency, 0.25, 0.002);
  double frequencies = 0;  // of 64^2, in ring 16; white noise has the same power in each
  for (int v = -32; v < 32; v++)
    for (int u = -32; u < 32; u++) frequencies += std::lround(std::hypot(u, v)) == 16;
  EXPECT_NEAR(bands[16].error / error, frequencies / 4096, 0.001);
}

TEST(Transfer, SaysWhenABlurIsBeyondTheWindow) {
  const RingSpectra spectra =
      pool(spectra_of([](const Picture& p, uint64_t) { return blurred(p, 12); }, 2));
  EXPECT_NEAR(variance_of(spectra), 64, 1e-3);
  EXPECT_EQ(beyond_scale(variance_of(spectra), 64), 1);
  EXPECT_EQ(beyond_scale(63.9, 64), 0);
  EXPECT_EQ(beyond_scale(-0.99, 64), 0);
  EXPECT_EQ(beyond_scale(-1, 64), -1);
}

TEST(Transfer, OfNothingIsNotANumber) {
  const Picture flat = make_picture(64, 64, [](int64_t, int64_t) { return 0.4; });
  const Picture clean = dead_leaves(0, 64);
  const RingSpectra spectra = ring_spectra(clean.view(), flat.view(), kNone, kWindow);
  EXPECT_EQ(fit_blur(spectra).gain, 0);
  EXPECT_TRUE(std::isnan(fit_blur(spectra).variance));
  EXPECT_TRUE(std::isnan(radial_bands(spectra)[5].coherence));
  EXPECT_NEAR(texture_kept(spectra), 0, 1e-20);
  const RingSpectra none = ring_spectra(flat.view(), clean.view(), kNone, kWindow);
  EXPECT_THROW(fit_blur(none), std::exception);
  EXPECT_THROW(texture_kept(none), std::exception);
  EXPECT_TRUE(std::isnan(radial_bands(none)[5].transfer));
}

}  // namespace
}  // namespace dae::test
