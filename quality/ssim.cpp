#include "quality/ssim.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr int64_t kRadius = 5, kWindow = 2 * kRadius + 1;
constexpr double kSigma = 1.5, kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;
constexpr int kMoments = 5;  // a, b, a^2, b^2, ab

std::array<double, kWindow> gaussian() {
  std::array<double, kWindow> taps;
  double sum = 0;
  for (int64_t i = 0; i < kWindow; i++) {
    const double d = static_cast<double>(i - kRadius) / kSigma;
    taps[static_cast<size_t>(i)] = std::exp(-0.5 * d * d);
    sum += taps[static_cast<size_t>(i)];
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

}  // namespace

// Windows that reach over the border are not in the mean, so only whole windows are computed: rows
// are filtered along, the last eleven are kept, and filtered across. All sums in fp64, since
// variances are small differences of means of squares.
double ssim(const FloatView& a, const FloatView& b) {
  if (a.height != b.height || a.width != b.width)
    fail("quality: images of {}x{} and {}x{} pixels cannot be compared", a.width, a.height, b.width,
         b.height);
  if (a.height < kWindow || a.width < kWindow) return std::numeric_limits<double>::quiet_NaN();
  static const std::array<double, kWindow> taps = gaussian();
  const int64_t inner = (a.width - 2 * kRadius) * 3, stride = a.width * 3;
  // {image row modulo eleven, moment, column}: moments filtered along the row.
  std::vector<double> rows(static_cast<size_t>(kWindow * kMoments * inner));
  const auto row_of = [&](int64_t y, int64_t moment) {
    return rows.data() + (y % kWindow * kMoments + moment) * inner;
  };
  const auto filter_along = [&](int64_t y) {
    const float *const pa = a.data + y * stride, *const pb = b.data + y * stride;
    for (int64_t i = 0; i < inner; i++) {
      double sums[kMoments] = {};
      for (int64_t k = 0; k < kWindow; k++) {
        const double weight = taps[static_cast<size_t>(k)], u = pa[i + 3 * k], v = pb[i + 3 * k];
        sums[0] += weight * u;
        sums[1] += weight * v;
        sums[2] += weight * u * u;
        sums[3] += weight * v * v;
        sums[4] += weight * u * v;
      }
      for (int m = 0; m < kMoments; m++) row_of(y, m)[i] = sums[m];
    }
  };
  double total = 0;
  for (int64_t last = 0; last < a.height; last++) {
    filter_along(last);
    const int64_t first = last + 1 - kWindow;
    if (first < 0) continue;
    for (int64_t i = 0; i < inner; i++) {
      double m[kMoments] = {};
      for (int64_t k = 0; k < kWindow; k++)
        for (int moment = 0; moment < kMoments; moment++)
          m[moment] += taps[static_cast<size_t>(k)] * row_of(first + k, moment)[i];
      const double variance_a = m[2] - m[0] * m[0], variance_b = m[3] - m[1] * m[1];
      const double covariance = m[4] - m[0] * m[1];
      total += (2 * m[0] * m[1] + kC1) * (2 * covariance + kC2) /
               ((m[0] * m[0] + m[1] * m[1] + kC1) * (variance_a + variance_b + kC2));
    }
  }
  return total / static_cast<double>(inner * (a.height - 2 * kRadius));
}

}  // namespace dae
