// The two passes over an image that SSIM and MS-SSIM are made of, and their formula.
//
// SSIM (Wang, Bovik, Sheikh & Simoncelli, 2004) at a position p of an 11x11 Gaussian window w,
// sigma 1.5, that lies inside the image, one channel, with means mu, variances and the covariance
// under w:
//
//   S = l cs,  l = (2 mu_y mu_t + C1) / (mu_y^2 + mu_t^2 + C1),
//   cs = (2 cov + C2) / (var_y + var_t + C2),  C1 = 0.01^2, C2 = 0.03^2
//
// In f32 a variance as a difference of large sums would drown in rounding where C2 decides. So with
// d = y - t the same values are written as what is missing to 1, of small numbers,
//
//   1 - l = mu_d^2 / (mu_y^2 + mu_t^2 + C1),  1 - cs = var_d / (var_y + var_t + C2)
//
// and moments are taken of y' = y - y0 and t' = t - t0, where y0 and t0 are a pixel close by: the
// middle of the first window of a tile. Four are enough: w * (y', t', d'^2, y'^2 + t'^2).
//
// The gradient of sum_p k S(p) is k (w' * S_y + 2 d w' * S_dd + 2 y w' * S_sq), where S_dd and S_sq
// are the derivatives of S by the last two moments, S_y that by the first less 2 d0 S_dd + 2 y0
// S_sq (which undoes the shift), and w' * the transposed filter: a position's derivatives go to all
// pixels under its window.
#pragma once

#include "kernels/division.h"
#include "runtime/queue.h"
#include "runtime/rounding.h"
#include "runtime/tensor.h"

namespace dae {

inline constexpr int kSsimWindow = 11;
// Positions are cut into square tiles, whose sums do not depend on who makes them.
inline constexpr int kSsimTile = 16, kSsimHalo = kSsimTile + kSsimWindow - 1;

struct SsimTaps {
  float weight[kSsimWindow];
};
SsimTaps ssim_taps();

// One scale of N images: y f32 {N, H, W, 3}, its target u8 (/ 255) or f32, H and W >= kSsimWindow.
struct SsimScale {
  const float* y = nullptr;
  const void* target = nullptr;
  bool target_u8 = false;
  int64_t images = 0, height = 0, width = 0;
  bool luminance = true;     // S = l cs; without, S = cs: all scales of MS-SSIM but the last
  float* maps = nullptr;     // {3, N, H - 10, W - 10, 3}: S_y, S_dd, S_sq
  float* missing = nullptr;  // {N, tiles of positions, 3}: the sum over a tile of 1 - S, by channel

  DAE_HOST_DEVICE int64_t positions_down() const { return height - kSsimWindow + 1; }
  DAE_HOST_DEVICE int64_t positions_across() const { return width - kSsimWindow + 1; }
  DAE_HOST_DEVICE int64_t map_count() const { return images * positions() * 3; }
  // Of an image: positions, their tiles, and tiles of all its pixels.
  DAE_HOST_DEVICE int64_t positions() const { return positions_down() * positions_across(); }
  DAE_HOST_DEVICE int64_t tiles() const { return tiles_of(positions_down(), positions_across()); }
  DAE_HOST_DEVICE int64_t pixel_tiles() const { return tiles_of(height, width); }

  DAE_HOST_DEVICE static int64_t tiles_of(int64_t rows, int64_t columns) {
    return ceil_div(rows, kSsimTile) * ceil_div(columns, kSsimTile);
  }
};

// Fills maps and missing.
void ssim_maps(const Queue& q, const char* op, const SsimScale& scale);

// The gradient g = factor {N, 3} (or 1) times that of the sum over positions of S, plus a quarter
// of `coarser`, the gradient of this scale's 2x2 means.
struct SsimGradient {
  const float* factor = nullptr;   // {N, 3}
  const float* coarser = nullptr;  // {N, H / 2, W / 2, 3}
  float weight = 1;
  bool first = true;         // dy = weight g, else dy += weight g
  float* dy = nullptr;       // {N, H, W, 3}
  float* squares = nullptr;  // {N, pixel tiles}: the sum over a tile of g^2
};
void ssim_gradient(const Queue& q, const char* op, const SsimScale& scale,
                   const SsimGradient& gradient);

struct SsimPoint {
  float missing, d_y, d_dd, d_sq;  // 1 - S, and what maps holds
};

// From the moments y, t, dd, sq about y0 and t0.
DAE_HOST_DEVICE inline SsimPoint ssim_point(float y, float t, float dd, float sq, float y0,
                                            float t0, bool luminance) {
  const float c1 = 0.01f * 0.01f, c2 = 0.03f * 0.03f, shifted_d = y - t, d0 = y0 - t0;
  // Variances are not negative but for rounding; written so that NaN stays.
  const float variance_d = dd - shifted_d * shifted_d, variances = sq - y * y - t * t;
  const float b = 1.0f / ((variances < 0 ? 0.0f : variances) + c2);
  const float missing_cs = (variance_d < 0 ? 0.0f : variance_d) * b, cs = 1 - missing_cs;
  const float cs_y = 2 * (shifted_d - y * missing_cs) * b, cs_sq = missing_cs * b;  // cs_dd = -b
  const float unshift = 2 * (d0 * b - y0 * cs_sq);
  if (!luminance) return {missing_cs, cs_y + unshift, -b, cs_sq};
  const float d = shifted_d + d0, mu_y = y + y0, mu_t = t + t0;
  const float a = 1.0f / (mu_y * mu_y + mu_t * mu_t + c1);
  const float missing_l = d * d * a, l = 1 - missing_l;
  const float l_y = 2 * (mu_y * missing_l - d) * a;
  return {missing_l + missing_cs - missing_l * missing_cs, cs * l_y + l * (cs_y + unshift), -l * b,
          l * cs_sq};
}

DAE_HOST_DEVICE inline float ssim_value(const float* values, int64_t i) {
  return values[i];
}
DAE_HOST_DEVICE inline float ssim_value(const unsigned char* values, int64_t i) {
  return over_255(values[i]);
}

namespace cuda {
void ssim_maps(void* stream, const char* op, const SsimScale& scale);
void ssim_gradient(void* stream, const char* op, const SsimScale& scale,
                   const SsimGradient& gradient);
}  // namespace cuda

}  // namespace dae
