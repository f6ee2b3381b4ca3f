#include "restore/noise_level.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

constexpr int64_t kOne = 18;  // a window of one square, with a pixel around it

std::vector<float> floats(const Values& values) {
  return {values.begin(), values.end()};
}

// By the normal equations in coordinates from the corner, solved by Cramer's rule.
TEST(NoiseLevel, OneSquareByLeastSquares) {
  const std::vector<float> window = floats(random_values(kOne * kOne * 3, 1, 0.2, 0.8));
  const auto determinant = [](const double(&m)[3][3]) {
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  };
  double sum = 0;
  for (size_t c = 0; c < 3; c++) {
    const auto value = [&](size_t y, size_t x) {
      return double{window[((y + 1) * kOne + x + 1) * 3 + c]};
    };
    double normal[3][3] = {}, right[3] = {}, plane[3];
    for (size_t y = 0; y < 16; y++)
      for (size_t x = 0; x < 16; x++) {
        const double terms[3] = {1, static_cast<double>(x), static_cast<double>(y)};
        for (int i = 0; i < 3; i++) {
          for (int j = 0; j < 3; j++) normal[i][j] += terms[i] * terms[j];
          right[i] += terms[i] * value(y, x);
        }
      }
    for (int k = 0; k < 3; k++) {
      double replaced[3][3];
      for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) replaced[i][j] = j == k ? right[i] : normal[i][j];
      plane[k] = determinant(replaced) / determinant(normal);
    }
    for (size_t y = 0; y < 16; y++)
      for (size_t x = 0; x < 16; x++)
        sum += std::pow(value(y, x) - plane[0] - plane[1] * static_cast<double>(x) -
                            plane[2] * static_cast<double>(y),
                        2);
  }
  EXPECT_NEAR(noise_by_planes(window, kOne), std::sqrt(sum / (3 * (16 * 16 - 3))), 1e-9);
}

TEST(NoiseLevel, OfAPlaneNothing) {
  std::vector<float> window;
  for (int64_t y = 0; y < 34; y++)
    for (int64_t i = 0; i < 34 * 3; i++)
      window.push_back(static_cast<float>(0.25 + 0.01 * static_cast<double>(y) +
                                          0.002 * static_cast<double>(i / 3)));
  EXPECT_LT(noise_by_planes(window, 34), 1e-6);
}

TEST(NoiseLevel, OneSquareByWhatWasTakenAway) {
  const std::vector<float> window = floats(random_values(kOne * kOne * 3, 1, 0.2, 0.8)),
                           restored = floats(random_values(kOne * kOne * 3, 2, 0.2, 0.8));
  double sum = 0;
  for (int64_t y = 1; y < 17; y++)
    for (int64_t i = 3; i < 3 * 17; i++)
      sum += std::pow(double{window[static_cast<size_t>(y * kOne * 3 + i)]} -
                          restored[static_cast<size_t>(y * kOne * 3 + i)],
                      2);
  EXPECT_NEAR(noise_by_restoration(window, restored, kOne), std::sqrt(sum / (16 * 16 * 3)), 1e-7);
}

// Two windows of 64 squares each, the lighter the higher their number, but for the black ones.
struct Squares {
  enum Kind { even, busy, black, frame, hidden };

  // kind(number), and noise(number), which is taken away from even ones.
  template <class KindOf, class NoiseOf>
  Squares(const KindOf& kind, const NoiseOf& noise) {
    for (size_t at = 0; at < restored.size(); at++) {
      const size_t pixel = at / 3, window = pixel / (kSide * kSide), y = pixel / kSide % kSide,
                   x = pixel % kSide;
      const size_t number = window * 64 + std::min<size_t>(y - (y > 0), 127) / 16 * 8 +
                            std::min<size_t>(x - (x > 0), 127) / 16;
      const double light = 0.3 + 0.003 * static_cast<double>(number),
                   sign = (x + y) % 2 == 0 ? 1 : -1;
      double left = light, taken = 0;
      switch (kind(number)) {
        case even:
          taken = sign * noise(number);
          break;
        case busy:
          left += x / 2 % 2 == 0 ? 0.2 : -0.2;
          taken = sign * 0.15;
          break;
        case black:
          left = 0;
          taken = sign * 1e-3;
          break;
        case frame:
          break;
        case hidden:
          taken = x % 16 == 5 && y % 16 == 9 ? std::nan("") : sign * 1e-3;
          break;
      }
      restored[at] = static_cast<float>(left);
      given[at] = static_cast<float>(left + taken);
    }
  }
  double by_restoration() const { return noise_by_restoration(given, restored, kSide); }
  double by_planes() const { return noise_by_planes(given, kSide); }

  static constexpr size_t kSide = 130;
  std::vector<float> restored = std::vector<float>(2 * kSide * kSide * 3), given = restored;
};

// A plane that is fitted to a chequered square is even, and costs three of its 256 pixels.
const double kChequered = 0.03 * std::sqrt(256.0 / 253);

auto always(double noise) {
  return [=](size_t) { return noise; };
}
auto one_in(size_t n, Squares::Kind others) {
  return [=](size_t number) { return number % n == 0 ? Squares::even : others; };
}

TEST(NoiseLevel, EvenSquaresCountAlone) {
  const Squares squares(one_in(8, Squares::busy), always(0.03));
  EXPECT_NEAR(squares.by_restoration(), 0.03, 1e-6);
  EXPECT_NEAR(squares.by_planes(), kChequered, 1e-6);
  const Squares fewer(one_in(9, Squares::busy), always(0.03));
  EXPECT_GT(fewer.by_restoration(), 0.04);
}

// As a camera's does: what counts is its mean square over a quarter of the light each.
TEST(NoiseLevel, NoiseMayGrowWithTheLight) {
  const Squares squares(one_in(8, Squares::busy), [](size_t number) {
    return 0.01 * (1 + static_cast<double>(number / 32));
  });
  EXPECT_NEAR(squares.by_restoration(), 0.01 * std::sqrt((1 + 4 + 9 + 16) / 4.0), 1e-6);
}

TEST(NoiseLevel, BlackSquaresCountWhereThereAreNextToNoOthers) {
  const Squares squares(one_in(8, Squares::black), always(0.03));
  EXPECT_NEAR(squares.by_restoration(), 0.03, 1e-6);
  EXPECT_NEAR(squares.by_planes(), kChequered, 1e-6);
  const Squares fewer(one_in(9, Squares::black), always(0.03));
  EXPECT_LT(fewer.by_restoration(), 0.02);
  const Squares black([](size_t) { return Squares::black; }, always(0));
  EXPECT_NEAR(black.by_restoration(), 1e-3, 1e-6);
}

TEST(NoiseLevel, OfAFrameAndWhatIsHiddenNothingIsTold) {
  for (const auto kind : {Squares::frame, Squares::hidden}) {
    const Squares squares(one_in(16, kind), always(0.03));
    EXPECT_NEAR(squares.by_restoration(), 0.03, 1e-6);
    EXPECT_NEAR(squares.by_planes(), kChequered, 1e-6);
    const Squares alone([=](size_t) { return kind; }, always(0));
    EXPECT_EQ(alone.by_restoration(), 0);
    EXPECT_EQ(alone.by_planes(), 0);
  }
}

}  // namespace
}  // namespace dae::test
