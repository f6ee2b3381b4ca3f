// The orthonormal DCT-II of eight numbers and its inverse, on every device: X_k = a_k sum_i x_i
// cos((2 i + 1) k pi / 16) with a_0 = sqrt(1/8), a_k = 1/2. Sums and differences of mirrored
// elements come first (Chen, Smith & Fralick, 1977): 22 products in place of 64, and numbers that
// are all equal give exactly zero for every k but 0, where a sum in another order would leave
// rounding noise whose sign a loss would then follow.
#pragma once

#include "runtime/host_device.h"

namespace dae {

inline constexpr float kDct0 = 0.35355339059327376f;  // sqrt(1/8), also cos(4 pi / 16) / 2
// cos(k pi / 16) / 2
inline constexpr float kDct1 = 0.49039264020161522f, kDct2 = 0.46193976625564337f,
                       kDct3 = 0.41573480615127262f, kDct5 = 0.27778511650980109f,
                       kDct6 = 0.19134171618254489f, kDct7 = 0.09754516100806412f;

DAE_HOST_DEVICE inline void dct8(float (&x)[8]) {
  const float s0 = x[0] + x[7], s1 = x[1] + x[6], s2 = x[2] + x[5], s3 = x[3] + x[4];
  const float d0 = x[0] - x[7], d1 = x[1] - x[6], d2 = x[2] - x[5], d3 = x[3] - x[4];
  const float ss0 = s0 + s3, ss1 = s1 + s2, sd0 = s0 - s3, sd1 = s1 - s2;
  x[0] = (ss0 + ss1) * kDct0;
  x[1] = d0 * kDct1 + d1 * kDct3 + d2 * kDct5 + d3 * kDct7;
  x[2] = sd0 * kDct2 + sd1 * kDct6;
  x[3] = d0 * kDct3 - d1 * kDct7 - d2 * kDct1 - d3 * kDct5;
  x[4] = (ss0 - ss1) * kDct0;
  x[5] = d0 * kDct5 - d1 * kDct1 + d2 * kDct7 + d3 * kDct3;
  x[6] = sd0 * kDct6 - sd1 * kDct2;
  x[7] = d0 * kDct7 - d1 * kDct5 + d2 * kDct3 - d3 * kDct1;
}

DAE_HOST_DEVICE inline void inverse_dct8(float (&x)[8]) {
  const float a = (x[0] + x[4]) * kDct0, b = (x[0] - x[4]) * kDct0;
  const float p = x[2] * kDct2 + x[6] * kDct6, q = x[2] * kDct6 - x[6] * kDct2;
  const float e0 = a + p, e1 = b + q, e2 = b - q, e3 = a - p;
  const float o0 = x[1] * kDct1 + x[3] * kDct3 + x[5] * kDct5 + x[7] * kDct7;
  const float o1 = x[1] * kDct3 - x[3] * kDct7 - x[5] * kDct1 - x[7] * kDct5;
  const float o2 = x[1] * kDct5 - x[3] * kDct1 + x[5] * kDct7 + x[7] * kDct3;
  const float o3 = x[1] * kDct7 - x[3] * kDct5 + x[5] * kDct3 - x[7] * kDct1;
  x[0] = e0 + o0;
  x[1] = e1 + o1;
  x[2] = e2 + o2;
  x[3] = e3 + o3;
  x[4] = e3 - o3;
  x[5] = e2 - o2;
  x[6] = e1 - o1;
  x[7] = e0 - o0;
}

}  // namespace dae
