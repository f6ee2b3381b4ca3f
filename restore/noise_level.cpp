#include "restore/noise_level.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dae {
namespace {

constexpr int64_t kSquare = 16;
constexpr size_t kEvenShare = 8;
constexpr double kCut = 0.05;  // the mean of a channel this near to a bound has its noise cut off

struct Square {
  size_t first;  // element of the first pixel
  bool cut;
  double unevenness;
  double noise = 0;  // mean square
};

// Calls each(element) for a square's pixels' elements.
template <class F>
void for_each_element(size_t first, int64_t side, const F& each) {
  for (int64_t y = 0; y < kSquare; y++)
    for (int64_t i = 0; i < 3 * kSquare; i++) each(first + static_cast<size_t>(3 * y * side + i));
}

// All squares of all windows that keep a pixel away from the border, as uneven as they vary.
std::vector<Square> squares_of(const std::vector<float>& windows, int64_t side) {
  constexpr double kPixels = kSquare * kSquare;
  std::vector<Square> squares;
  for (size_t window = 0; window < windows.size(); window += static_cast<size_t>(3 * side * side))
    for (int64_t top = 1; top + kSquare < side; top += kSquare)
      for (int64_t left = 1; left + kSquare < side; left += kSquare) {
        Square square{window + static_cast<size_t>(3 * (top * side + left)), false, 0};
        double sum[3] = {};
        for_each_element(square.first, side, [&](size_t at) {
          const double value = windows[at];
          sum[at % 3] += value;
          square.unevenness += value * value;
        });
        for (const double channel : sum) {
          square.cut |= channel < kCut * kPixels || channel > (1 - kCut) * kPixels;
          square.unevenness -= channel * channel / kPixels;
        }
        squares.push_back(square);
      }
  return squares;
}

double noise_of_evenest(std::vector<Square> squares) {
  std::sort(squares.begin(), squares.end(), [](const Square& a, const Square& b) {
    return std::pair(a.cut, a.unevenness) < std::pair(b.cut, b.unevenness);
  });
  const size_t even = std::max<size_t>(1, squares.size() / kEvenShare);
  double sum = 0;
  for (size_t i = 0; i < even; i++) sum += squares[i].noise;
  return std::sqrt(sum / static_cast<double>(even));
}

}  // namespace

double noise_by_laplacians(const std::vector<float>& windows, int64_t side) {
  constexpr double kElements = 3 * kSquare * kSquare, kSquaredWeights = 36;
  std::vector<Square> squares = squares_of(windows, side);
  const auto across = static_cast<size_t>(3), down = static_cast<size_t>(3 * side);
  for (Square& square : squares) {
    for_each_element(square.first, side, [&](size_t at) {
      const auto row = [&](size_t i) {
        return double{windows[i - across]} - 2 * double{windows[i]} + windows[i + across];
      };
      const double difference = row(at - down) - 2 * row(at) + row(at + down);
      square.noise += difference * difference / (kSquaredWeights * kElements);
    });
    square.unevenness = square.noise;
  }
  return noise_of_evenest(std::move(squares));
}

double noise_by_restoration(const std::vector<float>& windows, const std::vector<float>& restored,
                            int64_t side) {
  constexpr double kElements = 3 * kSquare * kSquare;
  std::vector<Square> squares = squares_of(restored, side);
  for (Square& square : squares)
    for_each_element(square.first, side, [&](size_t at) {
      const double taken = double{windows[at]} - restored[at];
      square.noise += taken * taken / kElements;
    });
  return noise_of_evenest(std::move(squares));
}

}  // namespace dae
