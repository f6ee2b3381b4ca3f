#include "laboratory/measures/edge.h"

#include <gtest/gtest.h>

#include <numbers>

#include "laboratory/measures/interval.h"
#include "tests/support/degraded.h"

namespace dae::test {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int64_t kReach = 12;

double sinc(double x) {
  return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x);
}

Picture edge_picture(const Edge& edge, int64_t side = 64) {
  return {side, side, draw_edge(edge, side, side)};
}

EdgeProfile profile_of(const Edge& edge, double sigma) {
  const Picture drawn = edge_picture(edge);
  const Picture picture = sigma > 0 ? blurred(drawn, sigma) : drawn;
  return edge_profile(picture.view(), edge, kReach);
}

// Of blurred()'s taps along one axis: the Gaussian's transfer, and its repetition beyond Nyquist.
double taps_transfer(double sigma, double f) {
  double sum = 0, all = 0;
  for (int k = -20; k <= 20; k++) {
    const double tap = sigma > 0 ? std::exp(-0.5 * k * k / (sigma * sigma)) : (k == 0 ? 1.0 : 0.0);
    sum += tap * std::cos(2 * kPi * f * k);
    all += tap;
  }
  return sum / all;
}

// The transfer of a pixel's square and of the blur, across an edge at this angle.
double true_transfer(double angle, double sigma, double f) {
  const double u = f * std::cos(angle * kPi / 180), v = f * std::sin(angle * kPi / 180);
  return sinc(u) * sinc(v) * taps_transfer(sigma, u) * taps_transfer(sigma, v);
}

double true_mtf50(double angle, double sigma) {
  double low = 0, high = 2;
  for (int i = 0; i < 60; i++) {
    const double middle = (low + high) / 2;
    (true_transfer(angle, sigma, middle) > 0.5 ? low : high) = middle;
  }
  return low;
}

TEST(Edge, PixelsAreTheMeanOfTheirSquare) {
  for (const double angle : {0.0, 5.0, 30.0, 45.0, -60.0, 90.0, 173.0, 260.0}) {
    const Edge edge{angle, 0.3, 0.2, 0.7};
    const std::vector<float> got = draw_edge(edge, 6, 7);
    const double c = std::cos(angle * kPi / 180), s = std::sin(angle * kPi / 180);
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 7; j++) {
        int bright = 0;
        constexpr int n = 400;  // points a side
        for (int p = 0; p < n * n; p++) {
          const double x = j + (p % n + 0.5) / n - 3.5, y = i + (p / n + 0.5) / n - 3;
          bright += c * x + s * y > edge.offset;
        }
        for (int k = 0; k < 3; k++)
          EXPECT_NEAR(got[static_cast<size_t>((i * 7 + j) * 3 + k)], 0.2 + 0.5 * bright / (n * n),
                      0.5 * 2.0 / n)
              << angle << " degrees, pixel " << i << " " << j;
      }
  }
}

// Within 0.01: bins of a quarter pixel hold distances that are spread not quite evenly.
TEST(Edge, TransferIsThePixelTimesTheBlur) {
  for (const double angle : kEdgeAngles)
    for (const double sigma : {0.0, 0.5, 0.8, 1.2, 2.0}) {
      const Edge edge{angle, 0.3, 0.35, 0.65};
      const EdgeProfile profile = profile_of(edge, sigma);
      for (double f = 0.02; f <= 0.5; f += 0.02)
        EXPECT_NEAR(edge_transfer(profile, f), true_transfer(angle, sigma, f), 0.01)
            << angle << " degrees, blur " << sigma << ", frequency " << f;
      const double want = true_mtf50(angle, sigma);
      if (want < 0.5)
        EXPECT_NEAR(mtf50(profile).value() / want, 1, 0.01) << angle << " degrees, blur " << sigma;
      else
        EXPECT_FALSE(mtf50(profile).has_value()) << angle << " degrees, blur " << sigma;
    }
}

// Where the pixel hardly matters: exp(-2 pi^2 s^2 f^2) = 1/2 at f = sqrt(ln 2 / 2) / (pi s).
TEST(Edge, AWideGaussianHasItsMtf50) {
  const double want = std::sqrt(std::log(2) / 2) / (kPi * 3);
  EXPECT_NEAR(mtf50(profile_of({5, 0, 0.2, 0.8}, 3)).value() / want, 1, 0.01);
}

TEST(Edge, GainAndContrastAreNotSharpness) {
  const double want = mtf50(profile_of({5, 0, 0.2, 0.8}, 1)).value();
  for (const double contrast : kEdgeContrasts) {
    const Edge edge{5, 0, 0.5 - contrast / 2, 0.5 + contrast / 2};
    EXPECT_NEAR(mtf50(profile_of(edge, 1)).value(), want, 1e-5) << contrast;
    const Picture dim = scaled(blurred(edge_picture(edge), 1), 0.7);
    EXPECT_NEAR(mtf50(edge_profile(dim.view(), edge, kReach)).value(), want, 1e-5) << contrast;
  }
}

// An edge put back d pixels from the true one has its transfer times cos(2 pi d f).
TEST(Edge, AShiftCountsAsBlur) {
  const Edge edge{5, 0, 0.2, 0.8}, shifted{5, 0.5, 0.2, 0.8};
  const EdgeProfile profile = edge_profile(edge_picture(shifted).view(), edge, kReach);
  for (double f = 0.02; f <= 0.5; f += 0.02)
    EXPECT_NEAR(edge_transfer(profile, f), true_transfer(5, 0, f) * std::cos(kPi * f), 0.01) << f;
}

// A tenth of contrast under noise of half as much: MTF50 of many draws is not moved by more than
// its error, and where nothing is left of the edge single draws scatter about nothing; a modulus
// would lie above.
TEST(Edge, NoiseIsNotSharpness) {
  std::vector<EdgeProfile> parts;
  std::vector<double> at_nyquist;
  double want = 0;
  for (const double angle : kEdgeAngles) {
    const Edge edge{angle, 0.2, 0.45, 0.55};
    const Picture soft = blurred(edge_picture(edge), 1.2);
    want += true_mtf50(angle, 1.2) / 4;
    for (int draw = 0; draw < 32; draw++) {
      const Picture picture = noisy(soft, 0.05, parts.size());
      parts.push_back(edge_profile(picture.view(), edge, kReach));
      at_nyquist.push_back(edge_transfer(parts.back(), 0.5));
    }
  }
  const auto half = [](const EdgeProfile& p) { return mtf50(p).value_or(kNaN); };
  const double error = jackknife_error(jackknife(parts, half));
  EXPECT_LT(error, 0.05 * want);
  EXPECT_NEAR(half(pool(parts)), want, 3 * error);
  const Interval nothing = mean_interval(at_nyquist);
  const double half_width = nothing.high - nothing.mean;  // two standard errors
  EXPECT_LT(std::abs(nothing.mean), 2 * half_width);
  EXPECT_GT(half_width, 0.01);  // the noise is there
}

TEST(Edge, AddAndTakeAway) {
  const Edge edge{5, 0, 0.2, 0.8};
  const EdgeProfile a = profile_of(edge, 1), b = profile_of(edge, 2);
  EdgeProfile both = a;
  both += b;
  EXPECT_EQ(both.count[20], 2 * a.count[20]);
  both -= b;
  EXPECT_NEAR(edge_transfer(both, 0.2), edge_transfer(a, 0.2), 1e-9);
  EXPECT_THROW(both += edge_profile(edge_picture(edge).view(), edge, kReach - 1), std::exception);
}

TEST(Edge, WithoutAnEdgeThereIsNoNumber) {
  const Edge edge{5, 0, 0.2, 0.8}, turned{5, 0, 0.8, 0.2}, flat{5, 0, 0.4, 0.4};
  for (const Edge& drawn : {turned, flat}) {
    const EdgeProfile profile = edge_profile(edge_picture(drawn).view(), edge, kReach);
    EXPECT_TRUE(std::isnan(edge_transfer(profile, 0.1)));
    EXPECT_TRUE(std::isnan(mtf50(profile).value()));
  }
}

TEST(Edge, RefusesWhatCannotBeMeasured) {
  const Edge edge{5, 0, 0.2, 0.8}, upright{0, 0, 0.2, 0.8};
  EXPECT_THROW(edge_profile(edge_picture(edge, 32).view(), edge, kReach), std::exception);
  EXPECT_NO_THROW(edge_profile(edge_picture(edge, 32).view(), edge, 6));
  EXPECT_THROW(edge_profile(edge_picture(edge).view(), edge, 1), std::exception);
  // All pixels of a column lie equally far from an upright edge, and three of four bins are empty.
  EXPECT_THROW(mtf50(edge_profile(edge_picture(upright).view(), upright, kReach)), std::exception);
}

}  // namespace
}  // namespace dae::test
