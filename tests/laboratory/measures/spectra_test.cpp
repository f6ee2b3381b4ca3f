#include "laboratory/measures/spectra.h"

#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <numbers>

#include "tests/support/degraded.h"

namespace dae::test {
namespace {

constexpr double kPi = std::numbers::pi;

double hann(int64_t i, int64_t n) {
  const double s = std::sin(kPi * (double(i) + 0.5) / double(n));
  return s * s;
}

// Everything that the header says of one window, by the definition: a discrete Fourier sum for
// every frequency, all four quadrants of them.
RingSpectra reference(const Picture& clean, const Picture& other, const Gain& gain, int64_t n,
                      int64_t y0, int64_t x0) {
  RingSpectra sums;
  sums.window = n;
  sums.windows = 3;
  for (auto* const part : {&sums.clean, &sums.other, &sums.cross, &sums.error, &sums.clean_f2})
    part->resize(static_cast<size_t>(n));
  double weight = 0;
  for (int64_t i = 0; i < n * n; i++) weight += std::pow(hann(i / n, n) * hann(i % n, n), 2);
  for (size_t c = 0; c < 3; c++) {
    const auto value = [&](const Picture& p, int64_t i) {
      return double{p.values[static_cast<size_t>(((y0 + i / n) * p.width + x0 + i % n) * 3) + c]} *
             (&p == &other ? gain[c] : 1);
    };
    double mean_x = 0, mean_y = 0;
    for (int64_t i = 0; i < n * n; i++) {
      const double w2 = std::pow(hann(i / n, n) * hann(i % n, n), 2) / weight;
      mean_x += w2 * value(clean, i);
      mean_y += w2 * value(other, i);
    }
    sums.error[0] += (mean_x - mean_y) * (mean_x - mean_y);
    for (int64_t v = -n / 2; v < n / 2; v++)
      for (int64_t u = -n / 2; u < n / 2; u++) {
        std::complex<double> x = 0, y = 0;
        for (int64_t i = 0; i < n * n; i++) {
          const double w = hann(i / n, n) * hann(i % n, n);
          const auto wave =
              std::polar(1.0, -2 * kPi * double(v * (i / n) + u * (i % n)) / double(n));
          x += w * (value(clean, i) - mean_x) * wave;
          y += w * (value(other, i) - mean_y) * wave;
        }
        const auto ring = static_cast<size_t>(std::lround(std::hypot(double(u), double(v))));
        const double scale = 1 / (double(n * n) * weight);
        sums.clean[ring] += scale * std::norm(x);
        sums.other[ring] += scale * std::norm(y);
        sums.cross[ring] += scale * (y * std::conj(x)).real();
        sums.error[ring] += scale * std::norm(x - y);
        sums.clean_f2[ring] += scale * std::norm(x) * double(u * u + v * v) / double(n * n);
      }
  }
  return sums;
}

void expect_same(const RingSpectra& got, const RingSpectra& want) {
  EXPECT_EQ(got.windows, want.windows);
  for (const auto part : {&RingSpectra::clean, &RingSpectra::other, &RingSpectra::cross,
                          &RingSpectra::error, &RingSpectra::clean_f2})
    for (size_t r = 0; r < (got.*part).size(); r++)
      EXPECT_NEAR((got.*part)[r], (want.*part)[r], 1e-12) << "ring " << r;
}

TEST(RingSpectra, IsTheFourierSum) {
  const Picture clean = make_picture(16, 16, texture);
  const Picture other = noisy(blurred(clean, 0.7), 0.1, 1);
  const Gain gain = {1.25, 1, 0.75};
  const RingSpectra got = ring_spectra(clean.view(), other.view(), gain, 16);
  EXPECT_EQ(got.clean.size(), 12u);  // round(8 sqrt 2) + 1
  expect_same(got, reference(clean, other, gain, 16, 0, 0));
}

// 16 + 8 + 3 rows: windows at 0, 5 and 11; 20 columns: at 0 and 4.
TEST(RingSpectra, WindowsOverlapByHalfAndReachTheBorders) {
  const Picture clean = make_picture(27, 20, texture), other = noisy(clean, 0.1, 2);
  RingSpectra want = reference(clean, other, {1, 1, 1}, 16, 0, 0);
  for (const auto& [y, x] :
       {std::array{0, 4}, std::array{5, 0}, std::array{5, 4}, std::array{11, 0}, std::array{11, 4}})
    want += reference(clean, other, {1, 1, 1}, 16, y, x);
  expect_same(ring_spectra(clean.view(), other.view(), {1, 1, 1}, 16), want);
}

TEST(RingSpectra, ErrorsAddUpToTheWeightedSquaredError) {
  constexpr int64_t n = 32;
  const Picture clean = dead_leaves(0, n), other = scaled(noisy(blurred(clean, 1), 0.05, 3), 0.9);
  const RingSpectra spectra = ring_spectra(clean.view(), other.view(), {1, 1, 1}, n);
  double want = 0, weight = 0, got = 0;
  for (int64_t i = 0; i < n * n * 3; i++) {
    const double w2 = std::pow(hann(i / 3 / n, n) * hann(i / 3 % n, n), 2);
    const auto k = static_cast<size_t>(i);
    want += w2 * std::pow(double{clean.values[k]} - other.values[k], 2);
    weight += w2;
  }
  for (const double error : spectra.error) got += error / spectra.windows;
  EXPECT_NEAR(got, want / weight, 1e-13);
}

// A wave of amplitude 0.1, and so of power 0.005, at 8 / 32 cycles/pixel: Hann's main lobe takes it
// into the neighbours, and nowhere else.
TEST(RingSpectra, AWaveIsAtItsFrequency) {
  const Picture flat = make_picture(32, 32, [](int64_t, int64_t) { return 0.5; });
  const Picture wave = make_picture(
      32, 32, [](int64_t i, int64_t) { return 0.5 + 0.1 * std::cos(kPi * double(i % 32) / 2); });
  const RingSpectra spectra = ring_spectra(flat.view(), wave.view(), {1, 1, 1}, 32);
  const auto error = [&](size_t r) { return spectra.error[r] / spectra.windows; };
  EXPECT_NEAR(error(7) + error(8) + error(9), 0.005, 1e-6);
  EXPECT_GT(error(8), 0.003);
}

TEST(RingSpectra, AddAndTakeAway) {
  const Picture a = dead_leaves(1, 32), b = dead_leaves(2, 32);
  const RingSpectra one = ring_spectra(a.view(), b.view(), {1, 1, 1}, 16);
  RingSpectra both = ring_spectra(b.view(), a.view(), {1, 1, 1}, 16);
  both += one;
  EXPECT_EQ(both.windows, 2 * one.windows);
  both -= one;
  expect_same(both, ring_spectra(b.view(), a.view(), {1, 1, 1}, 16));
  EXPECT_THROW(both += ring_spectra(a.view(), b.view(), {1, 1, 1}, 32), std::exception);
}

TEST(RingSpectra, SameBitsFromSeveralThreads) {
  const Picture a = dead_leaves(1, 40), b = dead_leaves(2, 40);
  std::array<RingSpectra, 8> results;
#pragma omp parallel for num_threads(4)
  for (size_t i = 0; i < results.size(); i++)
    results[i] = ring_spectra(a.view(), b.view(), {1, 1, 1}, 32);
  for (const RingSpectra& result : results) EXPECT_EQ(result.cross, results[0].cross);
}

TEST(RingSpectra, RefusesWhatDoesNotFit) {
  const Picture a = make_picture(20, 30, texture), b = make_picture(30, 20, texture);
  EXPECT_THROW(ring_spectra(a.view(), b.view(), {1, 1, 1}, 16), std::exception);
  for (const int64_t window : {0, 14, 17, 22})
    EXPECT_THROW(ring_spectra(a.view(), a.view(), {1, 1, 1}, window), std::exception) << window;
}

}  // namespace
}  // namespace dae::test
