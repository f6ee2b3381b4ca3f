#include "restore/noise_level.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace dae {
namespace {

constexpr int64_t kSquare = 16;
constexpr size_t kLights = 4, kEvenShare = 8;
constexpr double kCut = 0.05;  // the mean of a channel this near to a bound has its noise cut off

struct Square {
  size_t first;  // element of the first pixel
  double light;  // summed
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

// The squares of all windows that count and keep a pixel away from the border, as uneven as they vary
// in `judged`.
std::vector<Square> squares_of(const std::vector<float>& windows, const std::vector<float>& judged,
                               int64_t side) {
  constexpr double kPixels = kSquare * kSquare;
  std::vector<Square> squares;
  for (size_t window = 0; window < windows.size(); window += static_cast<size_t>(3 * side * side))
    for (int64_t top = 1; top + kSquare < side; top += kSquare)
      for (int64_t left = 1; left + kSquare < side; left += kSquare) {
        Square square{window + static_cast<size_t>(3 * (top * side + left)), 0, false, 0};
        double sum[3] = {};
        bool one_colour = true, seen = true;
        for_each_element(square.first, side, [&](size_t at) {
          const double value = judged[at];
          sum[at % 3] += value;
          square.unevenness += value * value;
          one_colour &= windows[at] == windows[square.first + at % 3];
          seen &= !std::isnan(windows[at]);
        });
        if (one_colour || !seen) continue;
        for (const double channel : sum) {
          square.light += channel;
          square.cut |= channel < kCut * kPixels || channel > (1 - kCut) * kPixels;
          square.unevenness -= channel * channel / kPixels;
        }
        squares.push_back(square);
      }
  return squares;
}

double noise_of_evenest(std::vector<Square> squares) {
  const auto cut =
      std::partition(squares.begin(), squares.end(), [](const Square& s) { return !s.cut; });
  const auto uncut = static_cast<size_t>(cut - squares.begin());
  if (uncut > 0 && uncut >= squares.size() / kEvenShare) squares.resize(uncut);
  std::sort(squares.begin(), squares.end(),
            [](const Square& a, const Square& b) { return a.light < b.light; });
  double sum = 0;
  size_t groups = 0;
  for (size_t light = 0; light < kLights; light++) {
    const std::span<Square> group(
        squares.begin() + static_cast<std::ptrdiff_t>(squares.size() * light / kLights),
        squares.begin() + static_cast<std::ptrdiff_t>(squares.size() * (light + 1) / kLights));
    if (group.empty()) continue;
    std::sort(group.begin(), group.end(),
              [](const Square& a, const Square& b) { return a.unevenness < b.unevenness; });
    const size_t even = std::max<size_t>(1, group.size() / kEvenShare);
    double of_group = 0;
    for (const Square& square : group.first(even)) of_group += square.noise;
    sum += of_group / static_cast<double>(even);
    groups++;
  }
  return groups > 0 ? std::sqrt(sum / static_cast<double>(groups)) : 0;
}

}  // namespace

double noise_by_planes(const std::vector<float>& windows, int64_t side) {
  constexpr double kPixels = kSquare * kSquare, kMiddle = (kSquare - 1) / 2.0;
  constexpr double kSpread = kPixels * (kPixels - 1) / 12;  // of x - kMiddle over a square, squared
  const auto row = static_cast<size_t>(3 * side);
  std::vector<Square> squares = squares_of(windows, windows, side);
  for (Square& square : squares) {
    double sum[3] = {}, across[3] = {}, down[3] = {}, left = 0;
    for_each_element(square.first, side, [&](size_t at) {
      const double value = windows[at];
      const size_t inside = at - square.first, channel = inside % 3;
      sum[channel] += value;
      across[channel] += (static_cast<double>(inside % row / 3) - kMiddle) * value;
      down[channel] += (static_cast<double>(inside / row) - kMiddle) * value;
      left += value * value;
    });
    for (int c = 0; c < 3; c++)
      left -= sum[c] * sum[c] / kPixels + (across[c] * across[c] + down[c] * down[c]) / kSpread;
    square.noise = std::max(0.0, left) / (3 * (kPixels - 3));
    square.unevenness = square.noise;
  }
  return noise_of_evenest(std::move(squares));
}

double noise_by_restoration(const std::vector<float>& windows, const std::vector<float>& restored,
                            int64_t side) {
  constexpr double kElements = 3 * kSquare * kSquare;
  std::vector<Square> squares = squares_of(windows, restored, side);
  for (Square& square : squares)
    for_each_element(square.first, side, [&](size_t at) {
      const double taken = double{windows[at]} - restored[at];
      square.noise += taken * taken / kElements;
    });
  return noise_of_evenest(std::move(squares));
}

}  // namespace dae
