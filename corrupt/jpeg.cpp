#include "corrupt/jpeg.h"

#include <algorithm>

#include "corrupt/jpeg_block.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int64_t kSide = 8;
constexpr JpegTables kTables;

using Plane = float[kSide][kSide];

void for_each_line(Plane& plane, bool columns, void (*transform)(float (&)[8])) {
  for (int64_t line = 0; line < kSide; line++) {
    float values[kSide];
    for (int64_t i = 0; i < kSide; i++) values[i] = columns ? plane[i][line] : plane[line][i];
    transform(values);
    for (int64_t i = 0; i < kSide; i++) (columns ? plane[i][line] : plane[line][i]) = values[i];
  }
}

// The block at (top, left) of one picture, in place.
void round_block(float* picture, int64_t height, int64_t width, int64_t top, int64_t left,
                 const Plane (&steps)[2], const Plane (&per_step)[2]) {
  Plane planes[3];
  const auto pixel = [&](int64_t y, int64_t x) {
    return picture + (std::min(top + y, height - 1) * width + std::min(left + x, width - 1)) * 3;
  };
  float value[3];
  for (int64_t y = 0; y < kSide; y++)
    for (int64_t x = 0; x < kSide; x++) {
      jpeg_from_rgb(pixel(y, x), value);
      for (int c = 0; c < 3; c++) planes[c][y][x] = value[c];
    }
  for (int c = 0; c < 3; c++) {
    for_each_line(planes[c], true, dct8);
    for_each_line(planes[c], false, dct8);
    for (int64_t v = 0; v < kSide; v++)
      for (int64_t u = 0; u < kSide; u++)
        planes[c][v][u] = jpeg_rounded(planes[c][v][u], steps[c > 0][v][u], per_step[c > 0][v][u]);
    for_each_line(planes[c], false, inverse_dct8);
    for_each_line(planes[c], true, inverse_dct8);
  }
  for (int64_t y = 0; y < std::min(kSide, height - top); y++)
    for (int64_t x = 0; x < std::min(kSide, width - left); x++) {
      for (int c = 0; c < 3; c++) value[c] = planes[c][y][x];
      jpeg_to_rgb(value, pixel(y, x));
    }
}

}  // namespace

void jpeg_cpu(const Draw* draws, const Tensor& pictures) {
  const int64_t height = pictures.shape[1], width = pictures.shape[2];
  const int64_t strips = ceil_div(height, kSide);
  float* const data = pictures.as<float>();
  parallel_chunks(pictures.shape[0] * strips, 4, [=](int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; strip++) {
      const int quality = draws[strip / strips].degradation.jpeg;
      if (quality == 0) continue;
      Plane steps[2], per_step[2];
      for (int at = 0; at < 64; at++) {
        steps[0][at / 8][at % 8] = jpeg_step(kTables.value[at], quality);
        steps[1][at / 8][at % 8] = jpeg_step(kTables.value[64 + at], quality);
        for (int c = 0; c < 2; c++) per_step[c][at / 8][at % 8] = 1.0f / steps[c][at / 8][at % 8];
      }
      float* const picture = data + strip / strips * height * width * 3;
      for (int64_t left = 0; left < width; left += kSide)
        round_block(picture, height, width, strip % strips * kSide, left, steps, per_step);
    }
  });
}

}  // namespace dae
