#include "laboratory/measures/edge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int64_t kBins = 4;    // a pixel
constexpr int64_t kMargin = 8;  // pixels at the border that do not count
constexpr double kNyquist = 0.5;
constexpr double kNoContrast = 1e-6;  // no more than the rounding of f32 pixels

double sinc(double x) {
  return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x);
}

// The edge's coordinate frame in a picture of this size.
struct Frame {
  double cosine, sine, shift;

  Frame(const Edge& edge, int64_t height, int64_t width)
      : cosine(std::cos(edge.angle * kPi / 180)),
        sine(std::sin(edge.angle * kPi / 180)),
        shift(cosine * static_cast<double>(width) / 2 + sine * static_cast<double>(height) / 2 +
              edge.offset) {}

  // From the edge to the middle of a pixel, positive on the bright side.
  double distance(int64_t i, int64_t j) const {
    return cosine * (double(j) + 0.5) + sine * (double(i) + 0.5) - shift;
  }
};

// The share of a unit square on the bright side of a line at distance d from its middle. Along the
// normal the square's area is spread as two boxes of widths a >= b convolved: a trapezoid. The
// share is its integral.
double coverage(double d, double a, double b) {
  if (b < 1e-9) return std::clamp(d / a + 0.5, 0.0, 1.0);
  const double near = (a - b) / 2, far = (a + b) / 2;
  if (std::abs(d) >= far) return d > 0 ? 1 : 0;
  if (std::abs(d) <= near) return d / a + 0.5;
  const double corner = (far - std::abs(d)) * (far - std::abs(d)) / (2 * a * b);
  return d > 0 ? 1 - corner : corner;
}

void add_to(EdgeProfile& a, const EdgeProfile& b, double sign) {
  if (a.reach != b.reach)
    fail("quality: edge profiles of {} and {} pixels cannot be added", a.reach, b.reach);
  for (size_t i = 0; i < a.sum.size(); i++) {
    a.sum[i] += sign * b.sum[i];
    a.count[i] += sign * b.count[i];
  }
}

}  // namespace

EdgeProfile& EdgeProfile::operator+=(const EdgeProfile& b) {
  add_to(*this, b, 1);
  return *this;
}

EdgeProfile& EdgeProfile::operator-=(const EdgeProfile& b) {
  add_to(*this, b, -1);
  return *this;
}

std::vector<float> draw_edge(const Edge& edge, int64_t height, int64_t width) {
  const Frame frame(edge, height, width);
  const double u = std::abs(frame.cosine), v = std::abs(frame.sine);
  std::vector<float> out;
  for (int64_t i = 0; i < height; i++)
    for (int64_t j = 0; j < width; j++) {
      const double share = coverage(frame.distance(i, j), std::max(u, v), std::min(u, v));
      const double value = edge.low + (edge.high - edge.low) * share;
      out.insert(out.end(), 3, static_cast<float>(value));
    }
  return out;
}

EdgeProfile edge_profile(const FloatView& picture, const Edge& edge, int64_t reach) {
  if (reach < 2) fail("quality: an edge profile reaches at least 2 pixels, not {}", reach);
  const auto bins = static_cast<size_t>(2 * reach * kBins);
  EdgeProfile profile{reach, std::vector<double>(bins), std::vector<double>(bins)};
  const Frame frame(edge, picture.height, picture.width);
  for (int64_t i = kMargin; i < picture.height - kMargin; i++)
    for (int64_t j = kMargin; j < picture.width - kMargin; j++) {
      const double place = (frame.distance(i, j) + static_cast<double>(reach)) * kBins;
      if (place < 0 || place >= static_cast<double>(bins)) continue;
      const auto bin = static_cast<size_t>(place);
      const float* const pixel = picture.data + (i * picture.width + j) * 3;
      profile.sum[bin] += double{pixel[0]} + pixel[1] + pixel[2];
      profile.count[bin] += 3;
    }
  if (profile.count.front() == 0 || profile.count.back() == 0)
    fail("quality: an image of {}x{} pixels is too small for {} pixels on either side of this edge",
         picture.width, picture.height, reach);
  return profile;
}

double edge_transfer(const EdgeProfile& profile, double frequency) {
  const auto mean = [&](size_t bin) {
    if (profile.count[bin] == 0)
      fail("quality: no pixel lies {} to {} pixels from the edge: add other angles or offsets",
           double(bin) / kBins - double(profile.reach),
           double(bin + 1) / kBins - double(profile.reach));
    return profile.sum[bin] / profile.count[bin];
  };
  const double reach = static_cast<double>(profile.reach);
  double at_frequency = 0, at_zero = 0, last = mean(0);
  for (size_t bin = 1; bin < profile.sum.size(); bin++) {
    const double next = mean(bin), distance = double(bin) / kBins - reach;
    const double outside = std::max(0.0, 2 * std::abs(distance) / reach - 1);
    const double spread = (0.5 + 0.5 * std::cos(kPi * outside)) * (next - last);
    at_frequency += spread * std::cos(2 * kPi * frequency * distance);
    at_zero += spread;
    last = next;
  }
  if (at_zero < kNoContrast) return std::numeric_limits<double>::quiet_NaN();
  const double bin_sinc = sinc(frequency / kBins);
  return at_frequency / at_zero / (bin_sinc * bin_sinc);
}

std::optional<double> mtf50(const EdgeProfile& profile) {
  constexpr double kStep = 1.0 / 512;
  const double nothing = edge_transfer(profile, 0);
  if (std::isnan(nothing)) return nothing;
  double low = 0, high = kStep;
  while (edge_transfer(profile, high) > 0.5) {
    low = high;
    high += kStep;
    if (high > kNyquist) return std::nullopt;
  }
  for (int halving = 0; halving < 30; halving++) {
    const double middle = (low + high) / 2;
    (edge_transfer(profile, middle) > 0.5 ? low : high) = middle;
  }
  return high;
}

}  // namespace dae
