// What 3x3 convolutions on tensor cores are made of (kernels/conv3x3_mma.cu shows it whole, and
// explains it): pieces of images and filters on their way to shared memory, and their products.
//
// In shared memory a pixel or a filter's tap is a row of C channels, and rows lie kPitch<C>
// elements apart: 16 bytes more than they need, so that the eight rows that one ldmatrix reads lie
// in different banks.
#pragma once

#include "kernels/conv3x3_mma.h"
#include "kernels/elements.cuh"

namespace dae::cuda {

template <int C>
inline constexpr int kPitch = C + 8;
// Channels move 16 bytes at a time.
template <int C>
inline constexpr int kPacks = C / 8;

// Where a tile begins: its first pixel, and the first element of its image.
struct TilePlace {
  int row, column;
  int64_t image;
};
template <int C>
__device__ inline TilePlace place_of(unsigned tile, const MmaTiles& tiles, int height, int width) {
  return {static_cast<int>(tile / tiles.across % tiles.down) * kMmaSide,
          static_cast<int>(tile % tiles.across) * kMmaSide,
          int64_t{tile / tiles.across / tiles.down} * height * width * C};
}

// A warp computes 16 pixels by 32 filters at a time; it may have several such tiles of pixels.
inline constexpr int kTilePixels = 16, kTileFilters = 32;
using TileSums = float[kTileFilters / 8][4];

// Begins to copy `rows` x kColumns pixels of `image`, the first of them at (row, column), to `to`.
// What lies outside of the image is zero: that is the convolution's padding.
template <int C, int kColumns>
__device__ inline void begin_pixels(BFloat16* to, int rows, const BFloat16* image, int height,
                                    int width, int row, int column) {
  for (int i = threadIdx.x; i < rows * kColumns * kPacks<C>; i += blockDim.x) {
    const int pack = i % kPacks<C>, pixel = i / kPacks<C>;
    const int y = row + pixel / kColumns, x = column + pixel % kColumns;
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    const BFloat16* const from = image + (inside ? (int64_t{y} * width + x) * C + 8 * pack : 0);
    cp_async_16(to + pixel * kPitch<C> + 8 * pack, from, inside);
  }
}

// Begins to copy the three taps of row `row` of the filters w {C, 3, 3, C}:
// to[tap][filter][channel].
template <int C>
__device__ inline void begin_taps(BFloat16* to, const BFloat16* w, int row) {
  for (int i = threadIdx.x; i < C * 3 * kPacks<C>; i += blockDim.x) {
    const int pack = i % kPacks<C>, tap = i / kPacks<C> % 3, filter = i / kPacks<C> / 3;
    cp_async_16(to + (tap * C + filter) * kPitch<C> + 8 * pack,
                w + ((filter * 3 + row) * 3 + tap) * C + 8 * pack, true);
  }
}
template <int C>
inline constexpr int kTapsCount = 3 * C* kPitch<C>;

// Of which way a row of taps is used: as the convolution does, or as its data gradient does, which
// is the convolution by the turned filters from their outputs to their inputs.
enum class Use { forward, gradient };

// The row that this lane brings to ldmatrix (runtime/cuda_kernel.h has the layout behind it) for a
// tile of pixels is pixel lane % 16, from this channel on.
__device__ inline int pixel_of_lane() {
  return threadIdx.x % 16;
}
__device__ inline int pixel_channel_of_lane() {
  return threadIdx.x / 16 % 2 * 8;
}
// The same for the weights that lead to outputs `first` to first + 31, of the tap that is
// multiplied first.
template <int C, Use kUse>
__device__ inline const BFloat16* weights_of_lane(const BFloat16* taps, int first) {
  const int lane = threadIdx.x % 32;
  if constexpr (kUse == Use::forward)
    return taps + (first + lane / 16 * 8 + lane % 8) * kPitch<C> + lane / 8 % 2 * 8;
  else
    return taps + (2 * C + lane % 16) * kPitch<C> + first + lane / 16 * 8;
}

// Adds the products of one row of taps to the sums of the warp's tiles. pixels[t] is this lane's
// row of tile t for the leftmost tap. The weights of sixteen inputs are loaded once and used for
// all tiles.
template <int C, Use kUse, int kTiles>
__device__ inline void multiply_taps(TileSums (&sums)[kTiles],
                                     const BFloat16* const (&pixels)[kTiles],
                                     const BFloat16* weights_of_lane) {
  constexpr int kTap = (kUse == Use::forward ? 1 : -1) * C * kPitch<C>;
  DAE_ROLLED
  for (int tap = 0; tap < 3; tap++) DAE_UNROLLED
  for (int channel = 0; channel < C; channel += 16) {
    uint32_t weights[2][4];  // to sixteen outputs each
    if constexpr (kUse == Use::forward) {
      const BFloat16* const row = weights_of_lane + tap * kTap + channel;
      ldmatrix_x4(weights[0], row);
      ldmatrix_x4(weights[1], row + 16 * kPitch<C>);
    } else {
      const BFloat16* const row = weights_of_lane + tap * kTap + channel * kPitch<C>;
      ldmatrix_x4_trans(weights[0], row);
      ldmatrix_x4_trans(weights[1], row + 16);
    }
    DAE_UNROLLED
    for (int t = 0; t < kTiles; t++) {
      uint32_t values[4];
      ldmatrix_x4(values, pixels[t] + tap * kPitch<C> + channel);
      DAE_UNROLLED
      for (int f = 0; f < 4; f++)
        mma_m16n8k16(sums[t][f], values, weights[f / 2][f % 2 * 2], weights[f / 2][f % 2 * 2 + 1]);
    }
  }
}

// Calls f(pixel, filter, a, b) for this lane's sums of a tile: a of `filter` and b of the next one,
// of pixel 0 to 15.
template <class F>
__device__ inline void for_each_sum(const TileSums& sums, const F& f) {
  const int lane = threadIdx.x % 32;
  DAE_UNROLLED
  for (int i = 0; i < kTileFilters / 8; i++) DAE_UNROLLED
  for (int half = 0; half < 2; half++)
    f(lane / 4 + 8 * half, 8 * i + lane % 4 * 2, sums[i][2 * half], sums[i][2 * half + 1]);
}

// Two adjacent channels in one access, which a float2 holds in f32.
__device__ inline float2 load_two(const BFloat16* at) {
  const auto both = load_pack<BFloat16, 2>(at);
  return {to_float(both.value[0]), to_float(both.value[1])};
}
__device__ inline void store_two(BFloat16* at, float a, float b) {
  store_pack(at, Pack<BFloat16, 2>{{to_bf16(a), to_bf16(b)}});
}

// Copies `rows` x kColumns pixels that lie kPitch<C> apart, rows of them kRowPixels pixels apart,
// to their places in `image`; what lies outside of it is left out.
template <int C, int kColumns, int kRowPixels>
__device__ inline void store_pixels(const BFloat16* from, int rows, BFloat16* image, int height,
                                    int width, int row, int column) {
  for (int i = threadIdx.x; i < rows * kColumns * kPacks<C>; i += blockDim.x) {
    const int pack = i % kPacks<C>, pixel = i / kPacks<C>;
    const int y = row + pixel / kColumns, x = column + pixel % kColumns;
    if (y >= height || x >= width) continue;
    const int at = pixel / kColumns * kRowPixels + pixel % kColumns;
    store_pack(image + (int64_t{y} * width + x) * C + 8 * pack,
               load_pack(from + at * kPitch<C> + 8 * pack));
  }
}

}  // namespace dae::cuda
