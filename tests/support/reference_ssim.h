// SSIM of one channel by its definition, in fp64: every window by itself, means, variances and
// covariance as sums of products of deviations, and the gradient by the quotient rule.
#pragma once

#include <cmath>
#include <vector>

#include "tests/support/op_case.h"

namespace dae::test {

struct Plane {
  int64_t height, width;
  Values y, target;  // target in [0, 1]
};

// Channel c of image n.
inline Plane plane_of(const Shape& s, const Values& y, const Values& target, int64_t n, int64_t c) {
  Plane plane{s[1], s[2], {}, {}};
  for (int64_t i = 0; i < s[1] * s[2]; i++) {
    const auto at = static_cast<size_t>((n * s[1] * s[2] + i) * 3 + c);
    plane.y.push_back(y[at]);
    plane.target.push_back(target[at] / 255);
  }
  return plane;
}

// The mean over the windows inside of l cs, or of cs alone; its gradient by y into `gradient`.
inline double mean_similarity(const Plane& p, bool luminance, Values& gradient) {
  constexpr int64_t kWindow = 11;
  constexpr double kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;
  double window[kWindow][kWindow], sum = 0;
  for (int64_t i = 0; i < kWindow; i++)
    for (int64_t j = 0; j < kWindow; j++)
      sum += window[i][j] = std::exp(-double((i - 5) * (i - 5) + (j - 5) * (j - 5)) / (2 * 2.25));
  const int64_t down = p.height - kWindow + 1, across = p.width - kWindow + 1;
  gradient.assign(p.y.size(), 0);
  double total = 0;
  for (int64_t top = 0; top < down; top++)
    for (int64_t left = 0; left < across; left++) {
      const auto each = [&](const auto& f) {
        for (int64_t i = 0; i < kWindow; i++)
          for (int64_t j = 0; j < kWindow; j++)
            f(static_cast<size_t>((top + i) * p.width + left + j), window[i][j] / sum);
      };
      double my = 0, mt = 0, vy = 0, vt = 0, cov = 0;
      each([&](size_t q, double w) {
        my += w * p.y[q];
        mt += w * p.target[q];
      });
      each([&](size_t q, double w) {
        const double y = p.y[q] - my, t = p.target[q] - mt;
        vy += w * y * y;
        vt += w * t * t;
        cov += w * y * t;
      });
      const double a1 = 2 * my * mt + kC1, b1 = my * my + mt * mt + kC1;
      const double a2 = 2 * cov + kC2, b2 = vy + vt + kC2;
      const double l = luminance ? a1 / b1 : 1, cs = a2 / b2;
      total += l * cs;
      each([&](size_t q, double w) {
        const double dl = luminance ? (2 * w * mt * b1 - a1 * 2 * w * my) / (b1 * b1) : 0;
        const double dcs =
            (2 * w * (p.target[q] - mt) * b2 - a2 * 2 * w * (p.y[q] - my)) / (b2 * b2);
        gradient[q] += (dl * cs + l * dcs) / double(down * across);
      });
    }
  return total / double(down * across);
}

}  // namespace dae::test
