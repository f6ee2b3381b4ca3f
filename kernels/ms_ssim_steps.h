// What happens between the passes of ssim_passes.h in ms_ssim_loss: 2x2 means, and the product over
// scales.
#pragma once

#include <cmath>

#include "kernels/division.h"
#include "kernels/ms_ssim_loss.h"
#include "runtime/host_device.h"

namespace dae {

// The 2x2 means of y and target (u8 or f32), {N, H, W, 3} to {N, H / 2, W / 2, 3}.
struct Halving {
  const float* y;
  const void* target;
  bool target_u8;
  int64_t images, height, width;
  float *half_y, *half_target;
  Divisor rows = height / 2, columns = width / 2;  // of the halved images
};

// Where element i of the halved images comes from: its upper left, the others are 3, 3 W and
// 3 W + 3 further.
DAE_HOST_DEVICE inline int64_t halving_source(const Halving& h, int64_t i) {
  const auto [line, x] = h.columns.split(i / 3);  // a line of all images
  const auto [image, y] = h.rows.split(line);
  return ((image * h.height + 2 * y) * h.width + 2 * x) * 3 + i % 3;
}

// The scales of an image and channel, put together.
struct ScaleProduct {
  struct Scale {
    const float* missing;  // {N, tiles, 3}: sums of 1 - cs, of 1 - l cs at the last scale
    int64_t tiles, positions;
    double weight;
    float* factor;  // {N, 3}: d(term) / d(sum over positions of cs)
  };
  Scale scale[kMostScales];
  int scales;
  int64_t images;
  float* values;  // {N, 3}: 1 - MS-SSIM
};

// Image i / 3, channel i % 3, in fp64: the product as the exponential of a sum of logarithms, and
// 1 - MS-SSIM without a difference.
DAE_HOST_DEVICE inline void multiply_scales(const ScaleProduct& p, int64_t i) {
  double log_product = 0, slopes[kMostScales];  // of the logarithms
  for (int s = 0; s < kMostScales; s++) {
    if (s >= p.scales) continue;
    const ScaleProduct::Scale& scale = p.scale[s];
    double missing = 0;
    for (int64_t t = 0; t < scale.tiles; t++)
      missing += scale.missing[(i / 3 * scale.tiles + t) * 3 + i % 3];
    missing /= static_cast<double>(scale.positions);
    // The similarity is 1 - missing; below kLeastSimilarity see ms_ssim_loss.h.
    const double reach = missing + (2 * kLeastSimilarity - 1);  // 2 kLeastSimilarity - similarity
    const bool low = reach > kLeastSimilarity;
    const double log_similarity =
        low ? log(kLeastSimilarity * kLeastSimilarity / reach) : log1p(-missing);
    slopes[s] = 1 / (low ? reach : 1 - missing);
    log_product += scale.weight * log_similarity;
  }
  const double product = exp(log_product), share = 1.0 / (3.0 * static_cast<double>(p.images));
  p.values[i] = static_cast<float>(-expm1(log_product));
  for (int s = 0; s < kMostScales; s++)
    if (s < p.scales)
      p.scale[s].factor[i] = static_cast<float>(-share * product * p.scale[s].weight * slopes[s] /
                                                static_cast<double>(p.scale[s].positions));
}

namespace cuda {
void halve(void* stream, const char* op, const Halving& halving);
void multiply_scales(void* stream, const char* op, const ScaleProduct& product);
}  // namespace cuda

}  // namespace dae
