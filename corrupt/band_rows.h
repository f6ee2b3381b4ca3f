// How a band is worked off, row by row, for any implementation of the row operations. Blurred rows
// stand in a ring of 2 * radius + 1, so that a band's memory stays in the cache near its core.
//
// Rows is a struct of static functions over n interleaved elements; all but finish() may read and
// write up to round_up_row(n):
//   to_float(in, out, n)                        out = in / 255
//   add_noise(row, n, noise, y, sigma)          row += sigma * normals of view row y
//   add_camera_noise(row, noise, n, sigma, shot)  row += camera_sigma(row, sigma, shot) * noise
//   blur_along(in, out, n, taps, radius)        along the row; in has 3 * radius elements either
//                                               side
//   blur_across(rows, out, n, taps, radius)     across rows[0 .. 2 * radius]
//   scale(row, n, gain)                         row *= gain[channel]
//   finish(in, out, n, flags)                   clips and quantises; writes n elements exactly
#pragma once

#include <algorithm>
#include <cstring>

#include "corrupt/band.h"
#include "corrupt/normal.h"
#include "runtime/reflect.h"
#include "runtime/rounding.h"

namespace dae {

// The most elements a row operation handles at once: four vectors of 16 floats.
inline constexpr int64_t kRowStep = 64;

inline int64_t round_up_row(int64_t n) {
  return round_up(n, kRowStep);
}

// Copies row y of the view of `pixels`, one of the source's pictures: cropped, reflected where it leaves
// the image, flipped.
inline void fetch_row(const Source& source, const uint8_t* pixels, const View& view, int64_t y,
                      int64_t width, uint8_t* out) {
  const uint8_t* const row = pixels + reflect(view.y + y, source.height) * source.row_bytes;
  const bool inside = view.x >= 0 && view.x + width <= source.width;
  if (inside && !view.flip) {
    std::memcpy(out, row + int64_t{3} * view.x, static_cast<size_t>(3 * width));
    return;
  }
  for (int64_t x = 0; x < width; x++) {
    const int64_t from = view.x + (view.flip ? width - 1 - x : x);
    const uint8_t* const pixel = row + 3 * (inside ? from : reflect(from, source.width));
    for (int c = 0; c < 3; c++) out[3 * x + c] = pixel[c];
  }
}

// Fills `radius` pixels either side of a row of `width` pixels by reflection.
inline void reflect_ends(float* row, int64_t width, int32_t radius) {
  for (int64_t k = 1; k <= radius; k++)
    for (int c = 0; c < 3; c++) {
      row[-3 * k + c] = row[3 * reflect(-k, width) + c];
      row[3 * (width - 1 + k) + c] = row[3 * reflect(width - 1 + k, width) + c];
    }
}

template <class Rows>
void run_band(const Band& band) {
  const Draw& draw = *band.draw;
  const Degradation& d = draw.degradation;
  const int32_t radius = d.radius;
  const int64_t n = 3 * band.width, stride = round_up_row(n), slots = 2 * radius + 1;
  const bool noise_first = band.flags.order == Order::classic && d.noise_sigma > 0;
  const bool camera = band.flags.order == Order::camera, grainy = d.grain[1] > 0,
             mixed = d.mix[1] > 0;
  const bool noise_last = camera && d.noise_sigma > 0 && !(d.shot_sigma > 0) && !grainy && !mixed;
  const bool camera_noise = camera && !noise_last && (d.noise_sigma > 0 || d.shot_sigma > 0);

  // scratch: the ring | one row of floats | one row with room at both ends | one row of bytes; then of
  // grain: three rows smoothed along | one smoothed across | one with room at both ends
  float* const ring = band.scratch;
  float* const line = ring + slots * stride;
  float* const padded = line + stride + 3 * radius;
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(padded + stride + 3 * radius);
  float* const grain_ring = padded + stride + 3 * radius + stride / 4;
  float* const noise_line = grain_ring + 3 * stride;
  float* const raw_noise = noise_line + stride + 3;

  const auto make_row = [&](int64_t y) {
    fetch_row(*band.source, band.source->pixels, draw.view, y, band.width, bytes);
    if (y >= band.begin && y < band.end)
      std::memcpy(band.clean + y * n, bytes, static_cast<size_t>(n));
    if (band.source->given != nullptr)
      fetch_row(*band.source, band.source->given, draw.view, y, band.width, bytes);
    float* const blurred = ring + y % slots * stride;
    float* const row = radius > 0 ? padded : blurred;
    Rows::to_float(bytes, row, n);
    if (noise_first) Rows::add_noise(row, n, draw.noise, y, d.noise_sigma);
    if (radius > 0) {
      reflect_ends(row, band.width, radius);
      Rows::blur_along(row, blurred, n, d.taps, radius);
    }
  };

  const auto make_normals = [&](float* row, int64_t y) {
    std::fill_n(row, n, 0.0f);
    Rows::add_noise(row, n, draw.noise, y, 1);
    for (int64_t x = 0; x < band.width && mixed; x++) mix_channels(row + 3 * x, d.mix);
  };
  int64_t grain_made = std::max<int64_t>(0, band.begin - 1);
  const auto make_noise = [&](int64_t y) {
    if (!grainy) return make_normals(noise_line, y);
    for (const int64_t last = std::min(y + 1, band.height - 1); grain_made <= last; grain_made++) {
      make_normals(raw_noise, grain_made);
      reflect_ends(raw_noise, band.width, 1);
      Rows::blur_along(raw_noise, grain_ring + grain_made % 3 * stride, n, d.grain, 1);
    }
    const float* rows[3];
    for (int64_t k = -1; k <= 1; k++)
      rows[k + 1] = grain_ring + reflect(y + k, band.height) % 3 * stride;
    Rows::blur_across(rows, noise_line, n, d.grain, 1);
  };

  int64_t made = std::max<int64_t>(0, band.begin - radius);
  for (int64_t y = band.begin; y < band.end; y++) {
    for (const int64_t last = std::min(y + radius, band.height - 1); made <= last; made++)
      make_row(made);
    float* row = ring;  // without blur the ring is the one row just made
    if (radius > 0) {
      const float* rows[2 * kMaxRadius + 1];
      for (int64_t k = -radius; k <= radius; k++)
        rows[k + radius] = ring + reflect(y + k, band.height) % slots * stride;
      Rows::blur_across(rows, line, n, d.taps, radius);
      row = line;
    }
    Rows::scale(row, n, d.gain);
    if (noise_last) Rows::add_noise(row, n, draw.noise, y, d.noise_sigma);
    if (camera_noise) {
      make_noise(y);
      Rows::add_camera_noise(row, noise_line, n, d.noise_sigma, d.shot_sigma);
    }
    Rows::finish(row, band.corrupted + y * n, n, band.flags);
  }
}

}  // namespace dae
