// A part of one view in shared memory, as corrupt.cu's blocks make, blur and read it.
//
// Rows are made by units of four pixels: twelve elements, three Philox blocks, three accesses of 16
// bytes. A unit is a thread's; the 16 or 32 units of a row belong to one warp, which makes a row, fills
// what lies beyond the view's sides and blurs it in place with nothing but its own barriers. Blurred
// columns are read by four adjacent elements, one Philox block, down the rows.
#pragma once

#include "corrupt/draw.h"
#include "kernels/elements.cuh"
#include "runtime/reflect.h"

namespace dae::cuda {

constexpr int kThreads = 512, kWarps = kThreads / 32;
constexpr int kUnitPixels = 4, kUnit = 3 * kUnitPixels;  // elements
constexpr int kMostUnits = 32;                           // a row
constexpr int kMostRows = 64;                            // of an area
constexpr int kRun = 8;       // rows of a column that a thread reads one after the other
constexpr int kMostTaps = 5;  // radii up to here have code of their own
constexpr unsigned kWarp = ~0u;

// Whole units that hold so many pixels.
constexpr int whole_units(int pixels) {
  return (pixels + kUnitPixels - 1) / kUnitPixels * kUnitPixels;
}

// How views are cut into tiles, one a block: the same for a whole launch.
struct Tiling {
  int units;          // of a row in shared memory: 16 or 32
  int rows, columns;  // pixels that a tile writes; columns are whole units
  int halo;           // pixels beside them that may lie in shared memory, whole units
  int pad;            // floats before a row's first pixel and behind its last: room for reflections
  int stride;         // floats from one row to the next
};

// Rows `y` to `y + rows` and columns `x` to `to` of a view.
struct Area {
  float* first;  // element 0 of column x in row y
  int y, rows, x, to;
};

// What of a view a tile needs that blurs by `radius`.
__device__ inline Area area_around(const Tiling& tiling, float* memory, int top, int left,
                                   int radius, int height, int width) {
  Area a;
  a.first = memory + tiling.pad;
  a.y = top > radius ? top - radius : 0;
  const int below = top + tiling.rows + radius;
  a.rows = (below < height ? below : height) - a.y;
  a.x = left > tiling.halo ? left - tiling.halo : 0;
  const int beside = left + tiling.columns + tiling.halo;
  a.to = beside < width ? beside : width;
  return a;
}

// Where pixels are that an index has to be worked out for, made once a block.
struct Places {
  int source_row[kMostRows];                  // of an area's row, in the picture
  int source_byte[kMostUnits * kUnitPixels];  // of an area's column, in the picture's row
  // Bytes to the row that is seen i - radius rows from the tile's first.
  int column_row[kMostRows + 2 * kMaxRadius + kRun];
  int before[kMaxRadius], behind[kMaxRadius];  // offset of the pixel seen k + 1 beyond a side
};

__device__ inline void find_places(Places& places, const Tiling& tiling, const Area& area,
                                   const Source& source, const View& view, int top, int radius,
                                   int height, int width) {
  constexpr int kColumns = kMostUnits * kUnitPixels, kRows = kColumns + kMostRows,
                kDown = kRows + kMostRows + 2 * kMaxRadius + kRun, kSides = kDown + 2 * kMaxRadius;
  static_assert(kSides <= kThreads);
  const int i = static_cast<int>(threadIdx.x);
  if (i < kColumns) {
    const int x = area.x + i, seen = view.flip ? width - 1 - x : x;
    places.source_byte[i] = 3 * reflect<int32_t>(view.x + seen, source.width);
  } else if (i < kRows) {
    const int row = i - kColumns;
    places.source_row[row] = reflect<int32_t>(view.y + area.y + row, source.height);
  } else if (i < kDown) {
    // A tile's last run may go on below all that is there.
    const int row = reflect<int32_t>(top - radius + i - kRows, height) - area.y;
    places.column_row[i - kRows] =
        row >= 0 && row < area.rows ? row * tiling.stride * static_cast<int>(sizeof(float)) : 0;
  } else if (i < kSides) {
    const int k = (i - kDown) / 2;
    const bool left = (i - kDown) % 2 == 0;
    const int x = reflect<int32_t>(left ? -1 - k : width + k, width);
    (left ? places.before : places.behind)[k] = 3 * (x - area.x);
  }
}

__device__ inline void copy_pixel(float* to, const float* from) {
  for (int c = 0; c < 3; c++) to[c] = from[c];
}

// Beyond the view's sides a row reads as reflections of what is there: `lane` is one of the row's.
__device__ inline void reflect_sides(float* row, const Places& places, const Tiling& tiling,
                                     const Area& area, int radius, int width, int lane) {
  const bool left = area.x == 0, right = area.to == width;
  DAE_ROLLED
  for (int k = lane; k < radius; k += tiling.units) {
    if (left) copy_pixel(row - 3 * (k + 1), row + places.before[k]);
    if (right) copy_pixel(row + 3 * (width + k - area.x), row + places.behind[k]);
  }
}

// Twelve elements of a row from `at` on, blurred along it.
template <int kRadius>
__device__ inline void blur_along(const float* at, const float* taps, float (&sum)[kUnit]) {
  constexpr int kBefore = (3 * kRadius + 3) / 4 * 4, kCount = kUnit + 2 * kBefore;
  float seen[kCount];
  for (int i = 0; i < kCount; i += 4) {
    const Pack<float> pack = load_pack(at - kBefore + i);
    for (int k = 0; k < 4; k++) seen[i + k] = pack.value[k];
  }
  for (int i = 0; i < kUnit; i++) {
    sum[i] = taps[0] * seen[kBefore + i];
    for (int k = 1; k <= kRadius; k++)
      sum[i] = std::fma(taps[k], seen[kBefore + i - 3 * k] + seen[kBefore + i + 3 * k], sum[i]);
  }
}
__device__ inline void blur_along_far(const float* at, const float* taps, int radius,
                                      float (&sum)[kUnit]) {
  for (int i = 0; i < kUnit; i++) sum[i] = taps[0] * at[i];
  DAE_ROLLED
  for (int k = 1; k <= radius; k++)
    for (int i = 0; i < kUnit; i++)
      sum[i] = std::fma(taps[k], at[i - 3 * k] + at[i + 3 * k], sum[i]);
}

__device__ inline void store_unit(float* at, const float (&value)[kUnit]) {
  for (int i = 0; i < kUnit; i += 4)
    store_pack(at + i, Pack<float>{{value[i], value[i + 1], value[i + 2], value[i + 3]}});
}

// Makes an area's rows and blurs them along. make(row, x, value) gives the unit at the view's column x
// in the area's row. Other warps see the rows behind a barrier.
template <class Make>
__device__ inline void make_rows(const Area& area, const Places& places, const Tiling& tiling,
                                 const float* taps, int radius, int width, const Make& make) {
  const int units = tiling.units, lane = static_cast<int>(threadIdx.x) % units;
  const int together = 32 / units;  // rows that a warp makes at once
  const int x = area.x + kUnitPixels * lane;
  const bool on_view = x < area.to;
  DAE_ROLLED
  for (int first = static_cast<int>(threadIdx.x) / 32 * together; first < area.rows;
       first += kWarps * together) {
    const int row = first + static_cast<int>(threadIdx.x) % 32 / units;
    const bool mine = on_view && row < area.rows;
    float* const line = area.first + row * tiling.stride;
    float* const at = line + kUnit * lane;
    float value[kUnit];
    if (mine) {
      make(row, x, value);
      store_unit(at, value);
    }
    if (radius == 0) continue;
    __syncwarp(kWarp);
    if (row < area.rows) reflect_sides(line, places, tiling, area, radius, width, lane);
    __syncwarp(kWarp);
    if (mine) switch (radius) {
        case 1:
          blur_along<1>(at, taps, value);
          break;
        case 2:
          blur_along<2>(at, taps, value);
          break;
        case 3:
          blur_along<3>(at, taps, value);
          break;
        case 4:
          blur_along<4>(at, taps, value);
          break;
        case kMostTaps:
          blur_along<kMostTaps>(at, taps, value);
          break;
        default:
          blur_along_far(at, taps, radius, value);
      }
    __syncwarp(kWarp);  // nobody reads this row any more
    if (mine) store_unit(at, value);
  }
}

// V elements, blurred down a column, in each row of a run: `row(i)` points to them in the row that is
// seen i - kRadius rows from its first; put(i, value) takes those of its row i.
template <int kRadius, int V, class Row, class Put>
__device__ inline void blur_down(const Row& row, const float* taps, const Put& put) {
  constexpr int kSeen = 2 * kRadius + 1;
  Pack<float, V> seen[kSeen];
  DAE_UNROLLED
  for (int i = 0; i < kSeen - 1; i++) seen[i] = load_pack<float, V>(row(i));
  DAE_UNROLLED
  for (int i = 0; i < kRun; i++) {
    seen[(i + kSeen - 1) % kSeen] = load_pack<float, V>(row(i + kSeen - 1));
    float sum[V];
    DAE_UNROLLED
    for (int k = 0; k < V; k++) {
      const float middle = seen[(i + kRadius) % kSeen].value[k];
      sum[k] = kRadius == 0 ? middle : taps[0] * middle;
      DAE_UNROLLED
      for (int r = 1; r <= kRadius; r++) {
        const float above = seen[(i + kRadius - r) % kSeen].value[k],
                    below = seen[(i + kRadius + r) % kSeen].value[k];
        sum[k] = std::fma(taps[r], above + below, sum[k]);
      }
    }
    put(i, sum);
  }
}
// The same of four elements in one row, by any radius.
template <class Row>
__device__ inline void blur_down_far(const Row& row, const float* taps, int radius,
                                     float (&sum)[4]) {
  const Pack<float> middle = load_pack(row(radius));
  for (int k = 0; k < 4; k++) sum[k] = radius == 0 ? middle.value[k] : taps[0] * middle.value[k];
  DAE_ROLLED
  for (int r = 1; r <= radius; r++) {
    const Pack<float> above = load_pack(row(radius - r)), below = load_pack(row(radius + r));
    for (int k = 0; k < 4; k++) sum[k] = std::fma(taps[r], above.value[k] + below.value[k], sum[k]);
  }
}

}  // namespace dae::cuda
