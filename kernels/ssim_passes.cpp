#include "kernels/ssim_passes.h"

#include <algorithm>
#include <cmath>

#include "runtime/dispatch.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr int kMoments = 4, kMaps = 3;
constexpr int kRow = kSsimTile * 3, kHaloRow = kSsimHalo * 3;

// A tile: where it begins in its image, and how much of it lies inside.
struct Tile {
  int64_t image, index, top, left;
  int rows, columns;

  Tile(int64_t nth, int64_t tiles, int64_t height, int64_t width) {
    const int64_t across = ceil_div(width, kSsimTile);
    image = nth / tiles;
    index = nth;
    top = nth % tiles / across * kSsimTile;
    left = nth % tiles % across * kSsimTile;
    rows = static_cast<int>(std::min<int64_t>(kSsimTile, height - top));
    columns = static_cast<int>(std::min<int64_t>(kSsimTile, width - left));
  }
};

// out[e] = sum_k taps[k] in[e + step k], e < count: along a row with step 3, down a column with the
// length of a row. In plain code that the compiler makes vectors of.
void filter(const SsimTaps& taps, const float* in, int step, int count, float* out) {
  std::fill(out, out + count, 0.0f);
  for (int k = 0; k < kSsimWindow; k++)
    for (int e = 0; e < count; e++) out[e] += taps.weight[k] * in[e + step * k];
}

template <class T>
void maps_of_tile(const SsimScale& s, const SsimTaps& taps, const T* target, const Tile& tile) {
  float rows[kMoments][kSsimHalo][kRow];  // moments filtered along the rows
  const int64_t middle = ((tile.image * s.height + tile.top + kSsimWindow / 2) * s.width +
                          tile.left + kSsimWindow / 2) *
                         3;
  float y0[3], t0[3];
  for (int c = 0; c < 3; c++) {
    y0[c] = s.y[middle + c];
    t0[c] = ssim_value(target, middle + c);
  }
  const int elements = tile.columns * 3, halo_elements = elements + (kSsimWindow - 1) * 3;
  for (int r = 0; r < tile.rows + kSsimWindow - 1; r++) {
    const int64_t at = ((tile.image * s.height + tile.top + r) * s.width + tile.left) * 3;
    float in[kMoments][kHaloRow];
    for (int e = 0; e < halo_elements; e++) {
      const float y = s.y[at + e] - y0[e % 3], t = ssim_value(target, at + e) - t0[e % 3];
      const float d = y - t;
      in[0][e] = y;
      in[1][e] = t;
      in[2][e] = d * d;
      in[3][e] = y * y + t * t;
    }
    for (int m = 0; m < kMoments; m++) filter(taps, in[m], 3, elements, rows[m][r]);
  }
  float missing[3] = {0, 0, 0};
  for (int r = 0; r < tile.rows; r++) {
    float moments[kMoments][kRow];
    for (int m = 0; m < kMoments; m++) filter(taps, rows[m][r], kRow, elements, moments[m]);
    const int64_t at =
        ((tile.image * s.positions_down() + tile.top + r) * s.positions_across() + tile.left) * 3;
    for (int e = 0; e < elements; e++) {
      const SsimPoint point = ssim_point(moments[0][e], moments[1][e], moments[2][e], moments[3][e],
                                         y0[e % 3], t0[e % 3], s.luminance);
      s.maps[at + e] = point.d_y;
      s.maps[s.map_count() + at + e] = point.d_dd;
      s.maps[2 * s.map_count() + at + e] = point.d_sq;
      missing[e % 3] += point.missing;
    }
  }
  std::copy(missing, missing + 3, s.missing + tile.index * 3);
}

template <class T>
void gradient_of_tile(const SsimScale& s, const SsimGradient& g, const SsimTaps& taps,
                      const T* target, const Tile& tile) {
  constexpr int kBefore = kSsimWindow - 1;  // positions whose windows reach into the tile
  float rows[kMaps][kSsimHalo][kRow];
  const int elements = tile.columns * 3;
  for (int r = 0; r < tile.rows + kBefore; r++) {
    const int64_t down = tile.top - kBefore + r;
    const bool inside = down >= 0 && down < s.positions_down();
    for (int m = 0; m < kMaps; m++) {
      float in[kHaloRow] = {};  // zero beyond the positions
      const int64_t from = std::max<int64_t>(0, tile.left - kBefore);
      const int64_t to = std::min(tile.left + tile.columns, s.positions_across());
      const float* const row = s.maps + m * s.map_count() +
                               (tile.image * s.positions_down() + down) * s.positions_across() * 3;
      if (inside && from < to)
        std::copy(row + from * 3, row + to * 3, in + (from - (tile.left - kBefore)) * 3);
      filter(taps, in, 3, elements, rows[m][r]);
    }
  }
  float square = 0;
  for (int r = 0; r < tile.rows; r++) {
    float filtered[kMaps][kRow];
    for (int m = 0; m < kMaps; m++) filter(taps, rows[m][r], kRow, elements, filtered[m]);
    const int64_t y_row = tile.top + r, half_height = s.height / 2, half_width = s.width / 2;
    const int64_t at = ((tile.image * s.height + y_row) * s.width + tile.left) * 3;
    for (int e = 0; e < elements; e++) {
      const float y = s.y[at + e], d = y - ssim_value(target, at + e);
      float slope = filtered[0][e] + 2 * d * filtered[1][e] + 2 * y * filtered[2][e];
      if (g.factor) slope *= g.factor[tile.image * 3 + e % 3];
      const int64_t column = (tile.left + e / 3) / 2;
      if (g.coarser && y_row / 2 < half_height && column < half_width)
        slope +=
            0.25f *
            g.coarser[((tile.image * half_height + y_row / 2) * half_width + column) * 3 + e % 3];
      square += slope * slope;
      g.dy[at + e] = (g.first ? 0.0f : g.dy[at + e]) + g.weight * slope;
    }
  }
  g.squares[tile.index] = square;
}

template <class T>
void ssim_maps_cpu(const SsimScale& s, const T* target) {
  const SsimTaps taps = ssim_taps();
  parallel_chunks(s.images * s.tiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      maps_of_tile(s, taps, target, Tile(i, s.tiles(), s.positions_down(), s.positions_across()));
  });
}

template <class T>
void ssim_gradient_cpu(const SsimScale& s, const SsimGradient& g, const T* target) {
  const SsimTaps taps = ssim_taps();
  parallel_chunks(s.images * s.pixel_tiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      gradient_of_tile(s, g, taps, target, Tile(i, s.pixel_tiles(), s.height, s.width));
  });
}

}  // namespace

SsimTaps ssim_taps() {
  constexpr double kSigma = 1.5;
  double taps[kSsimWindow], sum = 0;
  for (int k = 0; k < kSsimWindow; k++) {
    const int from_centre = k - kSsimWindow / 2;
    const double d = from_centre / kSigma;
    sum += taps[k] = std::exp(-0.5 * d * d);
  }
  SsimTaps rounded;
  for (int k = 0; k < kSsimWindow; k++) rounded.weight[k] = static_cast<float>(taps[k] / sum);
  return rounded;
}

void ssim_maps(const Queue& q, [[maybe_unused]] const char* op, const SsimScale& s) {
  DAE_DISPATCH(q,
               s.target_u8 ? ssim_maps_cpu(s, static_cast<const uint8_t*>(s.target))
                           : ssim_maps_cpu(s, static_cast<const float*>(s.target)),
               cuda::ssim_maps(q.stream, op, s));
}

void ssim_gradient(const Queue& q, [[maybe_unused]] const char* op, const SsimScale& s,
                   const SsimGradient& g) {
  DAE_DISPATCH(q,
               s.target_u8 ? ssim_gradient_cpu(s, g, static_cast<const uint8_t*>(s.target))
                           : ssim_gradient_cpu(s, g, static_cast<const float*>(s.target)),
               cuda::ssim_gradient(q.stream, op, s, g));
}

}  // namespace dae
