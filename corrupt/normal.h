// The arithmetic of one element, for scalar host code and CUDA alike; band_simd.cpp writes the same
// operations in the same order on vectors. Nothing here may be contracted or reassociated: the
// build says -ffp-contract=off and -fmad=false, and a fused operation is written std::fma.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/division.h"

namespace dae {

namespace normal {
inline constexpr float kLn2 = 0.693147180559945309f, kHalfPi = 1.57079632679489662f;
inline constexpr int32_t kMantissaMask = 0x007FFFFF;
// The bits of sqrt(1/2): a float's bits minus these, cut to a whole exponent, tell how many times
// it must be halved to lie in [sqrt(1/2), sqrt(2)).
inline constexpr int32_t kSqrtHalfBits = 0x3F3504F3;

// log(1 + t) = t - t^2/2 + t^3 * p(t) on [sqrt(1/2) - 1, sqrt(2) - 1], highest power first; sin and
// cos on [-pi/4, pi/4]. Coefficients: S. L. Moshier, Cephes (logf, sinf, cosf). Functions, because
// CUDA code cannot index a constant array of the host's.
DAE_HOST_DEVICE constexpr float log_coefficient(int i) {
  constexpr float kLog[9] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                             -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                             2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  return kLog[i];
}
DAE_HOST_DEVICE constexpr float sin_coefficient(int i) {
  constexpr float kSin[3] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
  return kSin[i];
}
DAE_HOST_DEVICE constexpr float cos_coefficient(int i) {
  constexpr float kCos[3] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
  return kCos[i];
}
}  // namespace normal

// Two independent standard normals from two random words (Box and Muller 1958):
//   u = float((w0 >> 1) | 1) / 2^31 in (0, 1],  angle = pi * int32(w1) / 2^31,
//   {first, second} = sqrt(-2 log u) * {cos angle, sin angle}.
// The largest is sqrt(62 log 2) = 6.56. Measured against fp64: within 2e-6 (tests).
DAE_HOST_DEVICE inline void normal_pair(uint32_t w0, uint32_t w1, float& first, float& second) {
  using namespace normal;
  const float u = static_cast<float>(static_cast<int32_t>((w0 >> 1) | 1));
  int32_t bits;
  std::memcpy(&bits, &u, sizeof bits);
  const int32_t above = bits - kSqrtHalfBits;
  const float exponent = static_cast<float>((above >> 23) - 31);
  bits = (above & kMantissaMask) + kSqrtHalfBits;
  float mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);
  const float t = mantissa - 1.0f, tt = t * t;
  float p = log_coefficient(0);
  for (int i = 1; i < 9; i++) p = std::fma(p, t, log_coefficient(i));
  const float log_mantissa = std::fma(tt, std::fma(p, t, -0.5f), t);
  const float log_u = std::fma(exponent, kLn2, log_mantissa);
  const float radius = std::sqrt(-2.0f * log_u);

  // The two top bits, rounded, are the quadrant; what is left lies within half a quadrant.
  const uint32_t quadrant = (w1 + (1u << 29)) >> 30;
  const int32_t rest = static_cast<int32_t>(w1 - (quadrant << 30));
  const float a = static_cast<float>(rest) * (kHalfPi * 0x1p-30f), aa = a * a;
  const float sin_a = std::fma(
      std::fma(std::fma(sin_coefficient(0), aa, sin_coefficient(1)), aa, sin_coefficient(2)) * aa,
      a, a);
  const float cos_a = std::fma(
      std::fma(
          std::fma(std::fma(cos_coefficient(0), aa, cos_coefficient(1)), aa, cos_coefficient(2)),
          aa, -0.5f),
      aa, 1.0f);
  const bool swapped = (quadrant & 1) != 0;
  const float cosine = radius * (swapped ? sin_a : cos_a);
  const float sine = radius * (swapped ? cos_a : sin_a);
  first = ((quadrant + 1) & 2) != 0 ? -cosine : cosine;
  second = (quadrant & 2) != 0 ? -sine : sine;
}

// A pixel's three normals, mixed in place (corrupt.h).
DAE_HOST_DEVICE inline void mix_channels(float* pixel, const float* mix) {
  const float common = mix[1] * (pixel[0] + pixel[1] + pixel[2]);
  for (int c = 0; c < 3; c++) pixel[c] = mix[0] * pixel[c] + common;
}

// The standard deviation of a camera's noise at a value (corrupt.h).
DAE_HOST_DEVICE inline float camera_sigma(float value, float sigma, float shot) {
  if (!(shot > 0.0f)) return sigma;
  return std::sqrt(std::fma(shot * shot, value > 0.0f ? value : 0.0f, sigma * sigma));
}

DAE_HOST_DEVICE inline float clip_and_quantize(float value, bool clip, bool quantize) {
  if (clip) {
    value = value > 0.0f ? value : 0.0f;
    value = value < 1.0f ? value : 1.0f;
  }
  return quantize ? over_255(std::rint(value * 255.0f)) : value;
}

}  // namespace dae
