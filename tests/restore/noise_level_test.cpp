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

TEST(NoiseLevel, OneSquareByTheMaskOfThePaper) {
  const std::vector<float> window = floats(random_values(kOne * kOne * 3, 1, 0.2, 0.8));
  const int mask[3][3] = {{1, -2, 1}, {-2, 4, -2}, {1, -2, 1}};
  double sum = 0;
  for (int64_t y = 1; y < 17; y++)
    for (int64_t x = 1; x < 17; x++)
      for (int64_t c = 0; c < 3; c++) {
        double value = 0;
        for (int64_t i = -1; i <= 1; i++)
          for (int64_t j = -1; j <= 1; j++)
            value += mask[i + 1][j + 1] *
                     double{window[static_cast<size_t>(((y + i) * kOne + x + j) * 3 + c)]};
        sum += value * value / 36;
      }
  EXPECT_NEAR(noise_by_laplacians(window, kOne), std::sqrt(sum / (16 * 16 * 3)), 1e-7);
}

TEST(NoiseLevel, OfAPlaneNothing) {
  std::vector<float> window;
  for (int64_t y = 0; y < 34; y++)
    for (int64_t i = 0; i < 34 * 3; i++)
      window.push_back(static_cast<float>(0.25 + 0.01 * static_cast<double>(y) +
                                          0.002 * static_cast<double>(i / 3)));
  EXPECT_LT(noise_by_laplacians(window, 34), 1e-6);
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

// Two windows of 64 squares each: squares by what they hold.
class Squares {
 public:
  enum Kind { even, busy, black };
  // kind(number of the square), and what is added to its restoration.
  template <class KindOf>
  explicit Squares(const KindOf& kind, double noise_of_even) {
    for (size_t at = 0; at < restored.size(); at++) {
      const size_t pixel = at / 3, window = pixel / (kSide * kSide), y = pixel / kSide % kSide,
                   x = pixel % kSide;
      const size_t square = window * 64 + std::min<size_t>(y - (y > 0), 127) / 16 * 8 +
                            std::min<size_t>(x - (x > 0), 127) / 16;
      const double sign = (x + y) % 2 ? 1 : -1;
      switch (kind(square)) {
        case even:
          restored[at] = 0.5f;
          given[at] = static_cast<float>(0.5 + sign * noise_of_even);
          break;
        case busy:
          restored[at] = x / 2 % 2 ? 0.2f : 0.8f;
          given[at] = static_cast<float>(restored[at] + sign * 0.15);
          break;
        case black:
          restored[at] = given[at] = 0;
          break;
      }
    }
  }
  static constexpr size_t kSide = 130;
  std::vector<float> restored = std::vector<float>(2 * kSide * kSide * 3), given = restored;
};

TEST(NoiseLevel, EvenSquaresCountAlone) {
  const Squares squares([](size_t square) { return square < 16 ? Squares::even : Squares::busy; },
                        0.03);
  EXPECT_NEAR(noise_by_restoration(squares.given, squares.restored, Squares::kSide), 0.03, 1e-6);
  EXPECT_LT(noise_by_laplacians(squares.given, Squares::kSide), 0.1);
  const Squares fewer([](size_t square) { return square < 15 ? Squares::even : Squares::busy; },
                      0.03);
  EXPECT_GT(noise_by_restoration(fewer.given, fewer.restored, Squares::kSide), 0.04);
}

TEST(NoiseLevel, BlackSquaresCountWhereThereIsNothingElse) {
  const Squares squares([](size_t square) { return square < 16 ? Squares::even : Squares::black; },
                        0.03);
  EXPECT_NEAR(noise_by_restoration(squares.given, squares.restored, Squares::kSide), 0.03, 1e-6);
  EXPECT_NEAR(noise_by_laplacians(squares.given, Squares::kSide), 0.03 * 16 / 6, 0.01);
  const Squares black([](size_t) { return Squares::black; }, 0);
  EXPECT_EQ(noise_by_restoration(black.given, black.restored, Squares::kSide), 0);
  EXPECT_EQ(noise_by_laplacians(black.given, Squares::kSide), 0);
}

}  // namespace
}  // namespace dae::test
