// One kernel: crop, flip, u8 in, noise, blur, factors, clip, quantise; clean u8 and corrupted f32
// out.
//
// Floor a pixel: 3 bytes read, 3 + 12 written; about 13 integer and 25 float operations an element
// for noise (a Philox block makes four normals) and 2 (2 r + 1) for the blur. At r = 5 arithmetic
// and shared memory weigh more than the 18 bytes.
//
// A block makes one square tile of one view: it reads the tile with a halo of `radius` pixels, adds
// noise (classic order), blurs along rows from shared memory into shared memory, then down columns
// into registers. Noise of halo pixels is made again by each tile that needs them: (32 + 2 r)^2 /
// 32^2 = 1.7 times at r = 5; exchanging halos between blocks was rejected, since it would take a
// second kernel and 12 bytes a pixel each way. Tiles are 32 pixels a side up to radius 7 and 24
// above, so that tile and row-blurred tile together fit 48 KiB. 256 threads, at least four blocks
// an SM: 64 registers; left alone the compiler aims for five blocks and spills, and so does six. Shot
// noise and grain take a few more, so three.
//
// Noise that pixels or channels share is made once for the tile and a pixel around it, mixed and
// smoothed; it stands where the halo was.
//
// Work is dealt out by Philox block (four elements of a view's row), not by pixel, so each block of
// words is made once a tile. Same operations in the same order as band_scalar.h: the same bits.
#include "corrupt/corrupt.h"
#include "corrupt/jpeg.h"
#include "corrupt/normal.h"
#include "runtime/cuda_kernel.h"
#include "runtime/philox.h"
#include "runtime/reflect.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

constexpr int tile_side(int max_radius) {
  return max_radius <= 7 ? 32 : 24;
}

constexpr size_t shared_bytes(int max_radius) {
  const size_t tile = static_cast<size_t>(tile_side(max_radius));
  // At least a pixel: grain needs the noise around the tile.
  const size_t halo = tile + 2 * static_cast<size_t>(max_radius > 1 ? max_radius : 1);
  return (halo * halo + halo * tile) * 3 * sizeof(float);
}

// The four normals of one Philox block of view row y.
struct Normals {
  float value[4];
};
__device__ inline Normals normals_of(const NoiseStream& noise, int block, int y) {
  const PhiloxWords w = philox4x32(
      {{static_cast<uint32_t>(block), static_cast<uint32_t>(y), noise.slot, noise.step_and_stream}},
      noise.seed);
  Normals n;
  normal_pair(w.word[0], w.word[1], n.value[0], n.value[1]);
  normal_pair(w.word[2], w.word[3], n.value[2], n.value[3]);
  return n;
}

// The 8-bit value of element `element` of view row y, of one of the source's pictures.
__device__ inline uint8_t pixel_of(const Source& source, const uint8_t* pixels, const View& view,
                                   int y, int element, int width) {
  const int column = element / 3, x = view.flip ? width - 1 - column : column;
  const int64_t row = reflect(view.y + y, source.height);
  return pixels[row * source.row_bytes + 3 * reflect(view.x + x, source.width) + element % 3];
}

// The columns of the view that a tile with a halo of `radius` pixels has, and the Philox blocks that
// make their noise.
struct Columns {
  int first, from, to;  // of the halo; inside the view

  __device__ Columns(int left, int columns, int radius, int width)
      : first(left - radius),
        from(first > 0 ? first : 0),
        to(left + columns + radius < width ? left + columns + radius : width) {}
  __device__ int first_block() const { return 3 * from / 4; }
  __device__ int blocks() const { return (3 * to + 3) / 4 - first_block(); }
  __device__ bool has(int element) const { return element >= 3 * from && element < 3 * to; }
};

// What lies beyond the view's left and right: reflections of the part that is there.
__device__ inline void reflect_sides(float* area, int rows, int columns, const Columns& in,
                                     int width) {
  const int outside = columns - (in.to - in.from), before = in.from - in.first;
  for (int i = threadIdx.x; i < rows * outside * 3; i += kThreads) {
    const int row = i / (3 * outside), c = i % 3, missing = i / 3 % outside;
    const int column = missing < before ? missing : missing + (in.to - in.from);
    const int inside = static_cast<int>(reflect(in.first + column, width)) - in.first;
    float* const line = area + row * columns * 3;
    line[3 * column + c] = line[3 * inside + c];
  }
}

// Grain's two weights along a row of `stride` elements.
__device__ inline float along(const float* at, const float* grain) {
  return std::fma(grain[1], at[-3] + at[3], grain[0] * at[0]);
}

template <bool kCameraNoise>
__global__ void __launch_bounds__(kThreads, kCameraNoise ? 3 : 4)
    corrupt_kernel(const Source* __restrict__ sources, const Draw* __restrict__ draws,
                   CorruptFlags flags, uint8_t* __restrict__ clean, float* __restrict__ corrupted,
                   float* __restrict__ told, int height, int width, int tiles_across, int tiles,
                   int tile) {
  DAE_DYNAMIC_SHARED(float, shared);
  // One dimension of blocks: a grid's second one ends at 65535, fewer than a batch may have views.
  const int view = static_cast<int>(blockIdx.x) / tiles;
  const int nth = static_cast<int>(blockIdx.x) % tiles;
  const Draw& draw = draws[view];
  const Source source = sources[draw.view.image];
  const uint8_t* const given = source.given != nullptr ? source.given : source.pixels;
  const Degradation& d = draw.degradation;
  const int radius = d.radius;
  const int top = nth / tiles_across * tile, left = nth % tiles_across * tile;
  const int rows = height - top < tile ? height - top : tile;
  const int columns = width - left < tile ? width - left : tile;
  const int halo_rows = rows + 2 * radius, halo_columns = columns + 2 * radius;
  float* const with_halo = shared;  // {halo_rows, halo_columns, 3}
  const bool noisy = d.noise_sigma > 0 || (kCameraNoise && d.shot_sigma > 0);
  const bool woven =
      kCameraNoise && noisy && flags.order == Order::camera && (d.grain[1] > 0 || d.mix[1] > 0);
  const int with_noise = woven && radius == 0 ? (rows + 2) * (columns + 2) : 0;
  const int halo_pixels = with_noise > 0 ? with_noise : halo_rows * halo_columns;
  float* const blurred = shared + halo_pixels * 3;  // {halo_rows, columns, 3}
  if (told != nullptr && nth == 0 && threadIdx.x == 0) told[view] = draw.told;

  // 1. The part of the halo that lies in the view's columns, with its noise.
  const Columns halo(left, columns, radius, width);
  const int blocks = halo.blocks();
  for (int i = threadIdx.x; i < halo_rows * blocks; i += kThreads) {
    const int row = i / blocks, block = halo.first_block() + i % blocks;
    const int y = static_cast<int>(reflect(top - radius + row, height));
    Normals n = {};
    if (noisy && flags.order == Order::classic) n = normals_of(draw.noise, block, y);
    for (int k = 0; k < 4; k++) {
      const int element = 4 * block + k;
      if (!halo.has(element)) continue;
      float value = over_255(pixel_of(source, given, draw.view, y, element, width));
      if (noisy && flags.order == Order::classic)
        value = std::fma(d.noise_sigma, n.value[k], value);
      with_halo[row * halo_columns * 3 + element - 3 * halo.first] = value;
    }
  }
  __syncthreads();

  // 2. And what lies beyond them.
  reflect_sides(with_halo, halo_rows, halo_columns, halo, width);
  __syncthreads();

  // 3. Along the rows.
  for (int i = threadIdx.x; i < halo_rows * columns * 3; i += kThreads) {
    const int row = i / (columns * 3), element = i % (columns * 3);
    const float* const at = with_halo + row * halo_columns * 3 + element + 3 * radius;
    float sum = at[0];
    if (radius > 0) {
      sum = d.taps[0] * at[0];
      for (int k = 1; k <= radius; k++) sum = std::fma(d.taps[k], at[-3 * k] + at[3 * k], sum);
    }
    blurred[i] = sum;
  }
  __syncthreads();

  // 4. The noise of the tile and a pixel around it, where pixels or channels share some.
  if (woven) {
    const Columns around(left, columns, 1, width);
    const int per_row = around.blocks();
    for (int i = threadIdx.x; i < (rows + 2) * per_row; i += kThreads) {
      const int row = i / per_row, block = around.first_block() + i % per_row;
      const Normals n =
          normals_of(draw.noise, block, static_cast<int>(reflect(top - 1 + row, height)));
      for (int k = 0; k < 4; k++)
        if (around.has(4 * block + k))
          with_halo[row * (columns + 2) * 3 + 4 * block + k - 3 * around.first] = n.value[k];
    }
    __syncthreads();
    const int mixed = around.to - around.from, skipped = around.from - around.first;
    for (int i = threadIdx.x; i < (rows + 2) * mixed; i += kThreads)
      mix_channels(with_halo + (i / mixed * (columns + 2) + skipped + i % mixed) * 3, d.mix);
    __syncthreads();
    reflect_sides(with_halo, rows + 2, columns + 2, around, width);
    __syncthreads();
  }

  // 5. Down the columns, and the rest, by Philox block again: camera noise belongs to the output.
  const int out_first = 3 * left / 4, out_blocks = (3 * (left + columns) + 3) / 4 - out_first;
  for (int i = threadIdx.x; i < rows * out_blocks; i += kThreads) {
    const int row = i / out_blocks, block = out_first + i % out_blocks, y = top + row;
    Normals n = {};
    if (noisy && !woven && flags.order == Order::camera) n = normals_of(draw.noise, block, y);
    for (int k = 0; k < 4; k++) {
      const int element = 4 * block + k;
      if (element < 3 * left || element >= 3 * (left + columns)) continue;
      const float* const at = blurred + (row + radius) * columns * 3 + element - 3 * left;
      float value = at[0];
      if (radius > 0) {
        value = d.taps[0] * at[0];
        for (int r = 1; r <= radius; r++)
          value = std::fma(d.taps[r], at[-r * columns * 3] + at[r * columns * 3], value);
      }
      value *= d.gain[element % 3];
      if (noisy && flags.order == Order::camera) {
        float noise = n.value[k];
        if (woven) {
          const int line = (columns + 2) * 3;
          const float* const m = with_halo + (row + 1) * line + 3 + element - 3 * left;
          noise = std::fma(d.grain[1], along(m - line, d.grain) + along(m + line, d.grain),
                           d.grain[0] * along(m, d.grain));
        }
        const float sigma =
            kCameraNoise ? camera_sigma(value, d.noise_sigma, d.shot_sigma) : d.noise_sigma;
        value = std::fma(sigma, noise, value);
      }
      const int64_t out = (int64_t{view} * height + y) * width * 3 + element;
      clean[out] = pixel_of(source, source.pixels, draw.view, y, element, width);
      corrupted[out] = clip_and_quantize(value, flags.clip, flags.quantize);
    }
  }
}

}  // namespace

void corrupt(void* stream, const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
             const Tensor& clean, const Tensor& corrupted, const Tensor& told) {
  const int height = static_cast<int>(clean.shape[1]), width = static_cast<int>(clean.shape[2]);
  const int tile = tile_side(flags.max_radius);
  const int across = ceil_div(width, tile), tiles = across * ceil_div(height, tile);
  launch("corrupt", flags.camera_noise ? corrupt_kernel<true> : corrupt_kernel<false>,
         static_cast<unsigned>(clean.shape[0] * tiles), kThreads, shared_bytes(flags.max_radius),
         stream, static_cast<const Source*>(sources.data), static_cast<const Draw*>(draws.data),
         flags, clean.as<uint8_t>(), corrupted.as<float>(), static_cast<float*>(told.data), height,
         width, across, tiles, tile);
  if (flags.jpeg) jpeg(stream, draws, corrupted);
}

}  // namespace dae::cuda
