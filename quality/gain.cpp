#include "quality/gain.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr double kLow = 1.0 / 510, kHigh = 1 - 1.0 / 510;
constexpr int64_t kEnough = 16;

struct Sums {
  double cross[3] = {0, 0, 0}, square[3] = {0, 0, 0};
  int64_t pixels = 0;
};

Sums sum_products(const FloatView& clean, const FloatView& other, bool all) {
  Sums sums;
  for (int64_t i = 0; i < clean.count(); i += 3) {
    const auto inside = [&](int64_t k) {
      return clean.data[k] > kLow && clean.data[k] < kHigh && other.data[k] > kLow &&
             other.data[k] < kHigh;
    };
    if (!all && !(inside(i) && inside(i + 1) && inside(i + 2))) continue;
    sums.pixels++;
    for (int64_t c = 0; c < 3; c++) {
      sums.cross[c] += double{clean.data[i + c]} * other.data[i + c];
      sums.square[c] += double{other.data[i + c]} * other.data[i + c];
    }
  }
  return sums;
}

}  // namespace

Gain fit_gain(const FloatView& clean, const FloatView& other) {
  if (clean.height != other.height || clean.width != other.width)
    fail("quality: images of {}x{} and {}x{} pixels cannot be compared", clean.width, clean.height,
         other.width, other.height);
  Sums sums = sum_products(clean, other, false);
  if (sums.pixels < kEnough) sums = sum_products(clean, other, true);
  Gain gain;
  for (size_t c = 0; c < 3; c++)
    gain[c] = sums.square[c] > 0 && sums.cross[c] > 0 ? sums.cross[c] / sums.square[c] : 1;
  return gain;
}

std::vector<float> apply_gain(const FloatView& other, const Gain& gain) {
  std::vector<float> out(static_cast<size_t>(other.count()));
  for (size_t i = 0; i < out.size(); i++)
    out[i] = static_cast<float>(std::clamp(other.data[i] * gain[i % 3], 0.0, 1.0));
  return out;
}

GainError gain_error(const Gain& g) {
  const double luminance = 0.2126 * g[0] + 0.7152 * g[1] + 0.0722 * g[2];
  return {100 * std::abs(std::log(luminance)),
          50 * (std::abs(std::log(g[0] / g[1])) + std::abs(std::log(g[2] / g[1])))};
}

Gain grey_world_gain(const FloatView& image, double target) {
  Gain gain;
  for (int64_t c = 0; c < 3; c++) {
    double sum = 0;
    for (int64_t i = c; i < image.count(); i += 3) sum += image.data[i];
    const double mean = sum / (static_cast<double>(image.count()) / 3);
    gain[static_cast<size_t>(c)] = mean > 0 ? target / mean : 1;
  }
  return gain;
}

}  // namespace dae
