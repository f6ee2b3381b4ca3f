// The arithmetic of jpeg.h, on every device. Tables and their scaling: ITU-T T.81, annex K, and the
// Independent JPEG Group's library; colours: JFIF 1.02.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/dct8.h"
#include "kernels/division.h"
#include "runtime/host_device.h"

namespace dae {

// Of light, then of colour; each by vertical, then horizontal frequency. Handed to kernels as it is.
struct JpegTables {
  uint8_t value[128] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                        14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                        18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
                        17, 18, 24, 47, 99,  99,  99,  99,  18, 21, 26, 66, 99,  99,  99,  99,
                        24, 26, 56, 99, 99,  99,  99,  99,  47, 66, 99, 99, 99,  99,  99,  99,
                        99, 99, 99, 99, 99,  99,  99,  99,  99, 99, 99, 99, 99,  99,  99,  99,
                        99, 99, 99, 99, 99,  99,  99,  99,  99, 99, 99, 99, 99,  99,  99,  99};
};

// What a coefficient is rounded to a multiple of: its table's value at a quality of 1 to 100.
DAE_HOST_DEVICE inline float jpeg_step(int table_value, int quality) {
  const int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  const int step = (table_value * percent + 50) / 100;
  return static_cast<float>(step < 1 ? 1 : step > 255 ? 255 : step);
}

// To the nearest multiple of the step, the middle away from zero, as libraries do that compute in whole
// numbers: middles are common, half of all even blocks have one, and f32 misses them by less than the
// thousandth that is added. `per_step`: 1 / step, since a GPU divides by calls.
DAE_HOST_DEVICE inline float jpeg_rounded(float coefficient, float step, float per_step) {
  const float whole = std::floor(std::fabs(coefficient) * per_step + 0.501f);
  return (coefficient < 0.0f ? -whole : whole) * step;
}

DAE_HOST_DEVICE inline float jpeg_byte(float value) {
  const float whole = std::rint(value);
  return whole > 255.0f ? 255.0f : whole > 0.0f ? whole : 0.0f;
}

// A pixel in [0, 1], rounded to bytes, as light and two colours about 0, rounded as well.
DAE_HOST_DEVICE inline void jpeg_from_rgb(const float* pixel, float (&value)[3]) {
  const float r = jpeg_byte(pixel[0] * 255.0f), g = jpeg_byte(pixel[1] * 255.0f),
              b = jpeg_byte(pixel[2] * 255.0f);
  value[0] = std::rint(0.299f * r + 0.587f * g + 0.114f * b) - 128.0f;
  value[1] = std::rint(0.5f * b - 0.168735892f * r - 0.331264108f * g);
  value[2] = std::rint(0.5f * r - 0.418687589f * g - 0.081312411f * b);
}

// Back, from values that need not be whole.
DAE_HOST_DEVICE inline void jpeg_to_rgb(const float (&value)[3], float* pixel) {
  const float y = jpeg_byte(value[0] + 128.0f), cb = jpeg_byte(value[1] + 128.0f) - 128.0f,
              cr = jpeg_byte(value[2] + 128.0f) - 128.0f;
  pixel[0] = over_255(jpeg_byte(y + 1.402f * cr));
  pixel[1] = over_255(jpeg_byte(y - 0.344136286f * cb - 0.714136286f * cr));
  pixel[2] = over_255(jpeg_byte(y + 1.772f * cb));
}

}  // namespace dae
