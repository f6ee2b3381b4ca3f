#include "quality/ciede2000.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dae {
namespace {

constexpr double kPi = std::numbers::pi;

double linear(double v) {
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

double lab_curve(double t) {
  return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

double degrees(double radians) {
  return radians * 180 / kPi;
}
double radians(double degrees) {
  return degrees * kPi / 180;
}

// In [0, 360); 0 for a colour without hue.
double hue(double b, double a) {
  if (a == 0 && b == 0) return 0;
  const double h = degrees(std::atan2(b, a));
  return h < 0 ? h + 360 : h;
}

Lab mean_lab(const FloatView& image) {
  Lab sum;
  for (int64_t i = 0; i < image.count(); i += 3) {
    const auto value = [&](int64_t c) { return std::clamp(double{image.data[i + c]}, 0.0, 1.0); };
    const Lab lab = srgb_to_lab(value(0), value(1), value(2));
    sum.l += lab.l;
    sum.a += lab.a;
    sum.b += lab.b;
  }
  const double pixels = static_cast<double>(image.count()) / 3;
  return {sum.l / pixels, sum.a / pixels, sum.b / pixels};
}

}  // namespace

Lab srgb_to_lab(double red, double green, double blue) {
  const double r = linear(red), g = linear(green), b = linear(blue);
  const double x = 0.412453 * r + 0.357580 * g + 0.180423 * b;
  const double y = 0.212671 * r + 0.715160 * g + 0.072169 * b;
  const double z = 0.019334 * r + 0.119193 * g + 0.950227 * b;
  const double fx = lab_curve(x / 0.95047), fy = lab_curve(y), fz = lab_curve(z / 1.08883);
  return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

// Names and steps as in the paper's section 3.
double ciede2000(const Lab& x, const Lab& y) {
  const double chroma_mean = (std::hypot(x.a, x.b) + std::hypot(y.a, y.b)) / 2;
  const double c7 = std::pow(chroma_mean, 7), k25 = std::pow(25.0, 7);
  const double g = 0.5 * (1 - std::sqrt(c7 / (c7 + k25)));
  const double a1 = (1 + g) * x.a, a2 = (1 + g) * y.a;
  const double c1 = std::hypot(a1, x.b), c2 = std::hypot(a2, y.b);
  const double h1 = hue(x.b, a1), h2 = hue(y.b, a2);

  const double dl = y.l - x.l, dc = c2 - c1;
  double dh = 0;
  if (c1 * c2 != 0) {
    dh = h2 - h1;
    if (dh > 180) dh -= 360;
    if (dh < -180) dh += 360;
  }
  const double dh_chord = 2 * std::sqrt(c1 * c2) * std::sin(radians(dh / 2));

  const double l_mean = (x.l + y.l) / 2, c_mean = (c1 + c2) / 2;
  double h_mean = h1 + h2;
  if (c1 * c2 != 0) {
    if (std::abs(h1 - h2) <= 180)
      h_mean /= 2;
    else
      h_mean = h_mean < 360 ? (h_mean + 360) / 2 : (h_mean - 360) / 2;
  }
  const double t = 1 - 0.17 * std::cos(radians(h_mean - 30)) +
                   0.24 * std::cos(radians(2 * h_mean)) + 0.32 * std::cos(radians(3 * h_mean + 6)) -
                   0.20 * std::cos(radians(4 * h_mean - 63));
  const double turn = 30 * std::exp(-std::pow((h_mean - 275) / 25, 2));
  const double cm7 = std::pow(c_mean, 7);
  const double rc = 2 * std::sqrt(cm7 / (cm7 + k25));
  const double l50 = (l_mean - 50) * (l_mean - 50);
  const double sl = 1 + 0.015 * l50 / std::sqrt(20 + l50);
  const double sc = 1 + 0.045 * c_mean, sh = 1 + 0.015 * c_mean * t;
  const double rt = -std::sin(radians(2 * turn)) * rc;
  const double l = dl / sl, c = dc / sc, h = dh_chord / sh;
  return std::sqrt(l * l + c * c + h * h + rt * c * h);
}

double aggregate_ciede2000(const FloatView& a, const FloatView& b) {
  return ciede2000(mean_lab(a), mean_lab(b));
}

}  // namespace dae
