// What the kernels of kernels/residual_block.cu, which explains it, do with a tile: two convolutions by turns of rows of
// taps, with the map between them in shared memory.
#pragma once

#include "kernels/conv3x3_mma.cuh"

namespace dae::cuda::residual {

inline constexpr int kSide = kMmaSide, kMiddle = kSide + 2, kHalo = kSide + 4;  // pixels
inline constexpr int kPixelWarps = 4;              // for each 32 filters
inline constexpr int kRows = kSide / kPixelWarps;  // of results, a warp
inline constexpr int kMiddleTiles =
    ceil_div(ceil_div(kMiddle * kMiddle, kTilePixels), kPixelWarps);  // a warp

template <int C>
inline constexpr int kThreads = kPixelWarps*(C / kTileFilters) * 32;

template <int C>
inline constexpr size_t kSharedBytes = sizeof(BFloat16) *
                                       ((kHalo * kHalo + kMiddle * kMiddle) * kPitch<C> +
                                        2 * kTapsCount<C>);

// What the two passes are given: b1 and b2 forward, the gate and the sums backward, those of the map between
// before those of the result; `middle` may be null.
struct Operands {
  const BFloat16 *in = nullptr, *first_w = nullptr, *second_w = nullptr, *first_b = nullptr,
                 *second_b = nullptr, *gate = nullptr;
  BFloat16 *middle = nullptr, *out = nullptr;
  float *sums = nullptr, *filter_sums = nullptr;
  int height = 0, width = 0;
  MmaTiles tiles = {};
};

// A block's shared memory.
struct Space {
  BFloat16 *input, *middle, *taps;  // 20 x 20 pixels, 18 x 18, two rows of taps
};
template <int C>
__device__ inline Space space_in(BFloat16* shared) {
  BFloat16* const middle = shared + kHalo * kHalo * kPitch<C>;
  return {shared, middle, middle + kMiddle * kMiddle * kPitch<C>};
}

// This tile's share of the channels' sums of the two maps that are written, whose tiles of 16 x 16 pixels begin
// at `middle` and `out`; of those, rows x columns lie in the image. A thread has two channels of every eighth
// pixel. `space` is shared memory that nobody reads any more.
template <int C>
__device__ inline void sum_channels(const BFloat16* middle, const BFloat16* out, int rows,
                                    int columns, float* space, const Operands& o, unsigned tile) {
  constexpr int kPairs = C / 2, kGroups = kThreads<C> / kPairs;
  const int channel = threadIdx.x % kPairs * 2, group = threadIdx.x / kPairs;
  float2 total[2] = {};
  for (int i = group; i < kSide * kSide; i += kGroups) {
    const int y = i / kSide, x = i % kSide;
    if (y >= rows || x >= columns) continue;
    const float2 values[2] = {load_two(middle + (y * kMiddle + x) * kPitch<C> + channel),
                              load_two(out + (y * kHalo + x) * kPitch<C> + channel)};
    for (int map = 0; map < 2; map++) {
      total[map].x += values[map].x;
      total[map].y += values[map].y;
    }
  }
  for (int map = 0; map < 2; map++) {
    float* const to = space + (group * 2 + map) * C + channel;
    to[0] = total[map].x;
    to[1] = total[map].y;
  }
  __syncthreads();
  const int map = threadIdx.x / C, mine = threadIdx.x % C;
  if (map >= 2) return;
  float sum = 0;
  for (int other = 0; other < kGroups; other++) sum += space[(other * 2 + map) * C + mine];
  o.sums[(int64_t{map} * o.tiles.count + tile) * C + mine] = sum;
}

// Adds three rows of taps, stages `stage` to stage + 2 of six, to the sums of tiles whose pixels
// lie in lines of kLine, and begins the copies of the stages after them.
template <int C, Use kUse, int kLine, int kTiles>
__device__ inline void convolve(TileSums (&sums)[kTiles], const BFloat16* const (&pixels)[kTiles],
                                BFloat16* taps, int first, const Operands& o, int stage) {
  DAE_ROLLED
  for (int u = 0; u < 3; u++, stage++) {
    cp_async_wait<1>();  // the newest group is the next row of taps
    __syncthreads();
    BFloat16* const now = taps + stage % 2 * kTapsCount<C>;
    const BFloat16* rows[kTiles];
    for (int t = 0; t < kTiles; t++) rows[t] = pixels[t] + u * kLine * kPitch<C>;
    multiply_taps<C, kUse>(sums, rows, weights_of_lane<C, kUse>(now, first));
    __syncthreads();
    const int next = stage + 2, row = next % 3;
    if (next < 6)
      begin_taps<C>(now, next < 3 ? o.first_w : o.second_w, kUse == Use::forward ? row : 2 - row);
    cp_async_commit();  // empty towards the end: the count of groups goes on
  }
}

// Begins to copy what a tile's computation begins with, the first row of taps in the first of two groups.
template <int C, Use kUse>
__device__ inline void begin_tile(const Space& s, const Operands& o, const TilePlace& place) {
  const auto& [row, column, image] = place;
  begin_pixels<C, kHalo>(s.input, kHalo, o.in + image, o.height, o.width, row - 2, column - 2);
  if constexpr (kUse == Use::gradient)
    begin_pixels<C, kMiddle>(s.middle, kMiddle, o.gate + image, o.height, o.width, row - 1,
                             column - 1);
  begin_taps<C>(s.taps, o.first_w, kUse == Use::forward ? 0 : 2);
  cp_async_commit();
  begin_taps<C>(s.taps + kTapsCount<C>, o.first_w, 1);
  cp_async_commit();
}

// What is begun is waited for, computed with and stored. Others may still read shared memory afterwards.
template <int C, Use kUse>
__device__ inline void finish_tile(const Space& s, const Operands& o, unsigned tile,
                                   const TilePlace& place) {
  constexpr bool kForward = kUse == Use::forward;
  const auto& [row, column, image] = place;
  const int warp = threadIdx.x / 32, first = warp / kPixelWarps * kTileFilters;
  {
    const int first_tile = warp % kPixelWarps * kMiddleTiles;
    TileSums sums[kMiddleTiles] = {};
    const BFloat16* pixels[kMiddleTiles];
    DAE_UNROLLED
    for (int t = 0; t < kMiddleTiles; t++) {
      const int any = (first_tile + t) * kTilePixels + pixel_of_lane();
      const int i = any < kMiddle * kMiddle ? any : 0;  // of the tiles that are for nothing
      pixels[t] =
          s.input + (i / kMiddle * kHalo + i % kMiddle) * kPitch<C> + pixel_channel_of_lane();
    }
    convolve<C, kUse, kHalo>(sums, pixels, s.taps, first, o, 0);
    DAE_UNROLLED
    for (int t = 0; t < kMiddleTiles; t++)
      for_each_sum(sums[t], [&](int pixel, int filter, float one, float next) {
        const int i = (first_tile + t) * kTilePixels + pixel, k = first + filter;
        if (i >= kMiddle * kMiddle) return;
        BFloat16* const at = s.middle + i * kPitch<C> + k;
        float2 pass = {0, 0};  // ReLU's input, or its result: positive where the sum goes on
        if constexpr (kForward) {
          const int y = row - 1 + i / kMiddle, x = column - 1 + i % kMiddle;
          if (y >= 0 && y < o.height && x >= 0 && x < o.width) {
            const float2 bias = load_two(o.first_b + k);
            pass = {one += bias.x, next += bias.y};
          }
        } else {
          pass = load_two(at);  // zero outside of the image
        }
        store_two(at, pass.x > 0 ? one : 0.0f, pass.y > 0 ? next : 0.0f);
      });
  }

  // The second convolution's first barrier is the one behind the map between.
  const int first_row = warp % kPixelWarps * kRows;
  TileSums sums[kRows] = {};
  const BFloat16* pixels[kRows];
  DAE_UNROLLED
  for (int t = 0; t < kRows; t++)
    pixels[t] = s.middle + ((first_row + t) * kMiddle + pixel_of_lane()) * kPitch<C> +
                pixel_channel_of_lane();
  convolve<C, kUse, kMiddle>(sums, pixels, s.taps, first, o, 3);

  // The input is there still; the results take its place, each where its own addend was.
  BFloat16* const inner = s.input + (2 * kHalo + 2) * kPitch<C>;
  const BFloat16* const inner_middle = s.middle + (kMiddle + 1) * kPitch<C>;
  DAE_UNROLLED
  for (int t = 0; t < kRows; t++)
    for_each_sum(sums[t], [&](int pixel, int filter, float one, float next) {
      BFloat16* const at = inner + ((first_row + t) * kHalo + pixel) * kPitch<C> + first + filter;
      const float2 addend = load_two(at);
      float2 bias = {0, 0};
      if constexpr (kForward) bias = load_two(o.second_b + first + filter);
      store_two(at, one + bias.x + addend.x, next + bias.y + addend.y);
    });
  __syncthreads();
  if constexpr (!kForward)
    sum_channels<C>(inner_middle, inner, o.height - row, o.width - column,
                    reinterpret_cast<float*>(s.taps), o, tile);
  store_pixels<C, kSide, kHalo>(inner, kSide, o.out + image, o.height, o.width, row, column);
  if (o.middle)
    store_pixels<C, kSide, kMiddle>(inner_middle, kSide, o.middle + image, o.height, o.width, row,
                                    column);
}

}  // namespace dae::cuda::residual
