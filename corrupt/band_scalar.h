// The row operations of band_rows.h, one element at a time.
#pragma once

#include "corrupt/band_rows.h"
#include "corrupt/normal.h"
#include "runtime/philox.h"

namespace dae {

struct ScalarRows {
  static void to_float(const uint8_t* in, float* out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = over_255(in[i]);
  }

  static void add_noise(float* row, int64_t n, const NoiseStream& noise, int64_t y, float sigma) {
    for (int64_t i = 0; i < n; i += 4) {
      const PhiloxWords w = philox4x32({{static_cast<uint32_t>(i / 4), static_cast<uint32_t>(y),
                                         noise.slot, noise.step_and_stream}},
                                       noise.seed);
      float normals[4];
      normal_pair(w.word[0], w.word[1], normals[0], normals[1]);
      normal_pair(w.word[2], w.word[3], normals[2], normals[3]);
      for (int64_t k = 0; k < std::min<int64_t>(4, n - i); k++)
        row[i + k] = std::fma(sigma, normals[k], row[i + k]);
    }
  }

  static void add_camera_noise(float* row, const float* noise, int64_t n, float sigma, float shot) {
    for (int64_t i = 0; i < n; i++)
      row[i] = std::fma(camera_sigma(row[i], sigma, shot), noise[i], row[i]);
  }

  static void blur_along(const float* in, float* out, int64_t n, const float* taps,
                         int32_t radius) {
    for (int64_t i = 0; i < n; i++) {
      float sum = taps[0] * in[i];
      for (int64_t k = 1; k <= radius; k++)
        sum = std::fma(taps[k], in[i - 3 * k] + in[i + 3 * k], sum);
      out[i] = sum;
    }
  }

  static void blur_across(const float* const* rows, float* out, int64_t n, const float* taps,
                          int32_t radius) {
    const float* const* const middle = rows + radius;
    for (int64_t i = 0; i < n; i++) {
      float sum = taps[0] * middle[0][i];
      for (int32_t k = 1; k <= radius; k++)
        sum = std::fma(taps[k], middle[-k][i] + middle[k][i], sum);
      out[i] = sum;
    }
  }

  static void scale(float* row, int64_t n, const float* gain) {
    for (int64_t i = 0; i < n; i++) row[i] *= gain[i % 3];
  }

  static void finish(const float* in, float* out, int64_t n, const CorruptFlags& flags) {
    for (int64_t i = 0; i < n; i++) out[i] = clip_and_quantize(in[i], flags.clip, flags.quantize);
  }
};

}  // namespace dae
