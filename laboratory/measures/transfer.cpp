#include "laboratory/measures/transfer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kLowestRing = 2;      // of the fit
constexpr double kMostSharpened = -1;  // pixel^2
constexpr double kStep = 0.125;        // of the search, pixels
constexpr double kTextureFrom = 0.1;   // cycles/pixel: structures of ten pixels and less
// Power of a window's ring that is no more than the rounding of f32 pixels.
constexpr double kNoPower = 1e-14;

bool has_power(const RingSpectra& s, const std::vector<double>& sums, size_t ring) {
  return sums[ring] > kNoPower * s.windows;
}

double ring_frequency(const RingSpectra& s, size_t ring) {
  if (s.clean[ring] > 0) return std::sqrt(s.clean_f2[ring] / s.clean[ring]);
  return static_cast<double>(ring) / static_cast<double>(s.window);
}

// Rings `first` to the Nyquist frequency in which the clean pictures have detail.
std::vector<size_t> rings_with_detail(const RingSpectra& s, size_t first) {
  std::vector<size_t> rings;
  for (size_t r = first; r <= static_cast<size_t>(s.window / 2); r++)
    if (has_power(s, s.clean, r)) rings.push_back(r);
  if (rings.empty())
    fail("quality: in {} windows the clean images have no detail to compare with", s.windows / 3);
  return rings;
}

// For a given variance the best gain has a closed form, so the fit is a search in one dimension:
// with G the Gaussian, sum p (T - aG)^2 is least at a = sum cG / sum pG^2, and then smallest where
// (sum cG)^2 / sum pG^2 is largest (c the cross spectrum, p the power of X, cT = p).
struct Profile {
  const RingSpectra& s;
  std::vector<size_t> rings;

  struct At {
    double gain, explained;
  };
  At at(double variance) const {
    double cross = 0, power = 0;
    for (const size_t r : rings) {
      const double f = ring_frequency(s, r);
      const double g = std::exp(-2 * std::numbers::pi * std::numbers::pi * variance * f * f);
      cross += s.cross[r] * g;
      power += s.clean[r] * g * g;
    }
    // A negative gain is not a blur.
    return cross > 0 ? At{cross / power, cross * cross / power} : At{0, 0};
  }
};

}  // namespace

std::vector<RadialBand> radial_bands(const RingSpectra& s) {
  std::vector<RadialBand> bands;
  for (size_t r = 0; r < s.clean.size(); r++) {
    const double x = s.clean[r], y = s.other[r], c = s.cross[r];
    const bool in_x = has_power(s, s.clean, r), in_y = has_power(s, s.other, r);
    bands.push_back({ring_frequency(s, r), in_x ? c / x : kNaN,
                     in_x && in_y ? c * c / (x * y) : kNaN, x / s.windows, s.error[r] / s.windows});
  }
  return bands;
}

double blur_pixels(double variance) {
  return std::copysign(std::sqrt(std::abs(variance)), variance);
}

int beyond_scale(double variance, int64_t window) {
  constexpr double kEnd = 1e-6;
  const double most = static_cast<double>(window) / 8;
  return variance > most * most * (1 - kEnd) ? 1 : variance < kMostSharpened * (1 - kEnd) ? -1 : 0;
}

// The profile is scanned in steps of the blur, since it may have a second maximum, and the best
// step refined by golden section.
BlurFit fit_blur(const RingSpectra& s) {
  const Profile profile{s, rings_with_detail(s, kLowestRing)};
  const double most = static_cast<double>(s.window) / 8;
  const auto variance_at = [&](double step) {
    const double pixels = std::clamp(kStep * step, blur_pixels(kMostSharpened), most);
    return pixels * std::abs(pixels);
  };
  const double first = blur_pixels(kMostSharpened) / kStep, last = most / kStep;
  double best = first, explained = -1;
  for (double step = first; step <= last; step++) {
    const double value = profile.at(variance_at(step)).explained;
    if (value > explained) {
      best = step;
      explained = value;
    }
  }
  if (explained <= kNoPower * s.windows) return {0, kNaN};
  double low = variance_at(best - 1), high = variance_at(best + 1);
  constexpr double kGolden = 1 / std::numbers::phi;
  while (high - low > 1e-8 * std::max(1.0, std::abs(high))) {
    const double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    if (profile.at(a).explained >= profile.at(b).explained)
      high = b;
    else
      low = a;
  }
  const double variance = (low + high) / 2;
  return {profile.at(variance).gain, variance};
}

double texture_kept(const RingSpectra& s) {
  const auto lowest = static_cast<size_t>(std::ceil(kTextureFrom * static_cast<double>(s.window)));
  double sum = 0, count = 0;
  for (const size_t r : rings_with_detail(s, lowest)) {
    const double kept = std::max(0.0, s.cross[r] / s.clean[r]);
    sum += kept * kept;
    count++;
  }
  return sum / count;
}

}  // namespace dae
