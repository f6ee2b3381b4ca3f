// Two 3x3 convolutions of kernels/conv3x3_mma.cu, which explains tile, registers, banks and
// pipeline, with what lies between them in shared memory. Backwards the same kernel goes the other
// way round: its first convolution is the gradient by w2, between the two ReLU's gradient is
// applied in place of ReLU, the second is the gradient by w1.
//
// Halo. 16 x 16 results need 18 x 18 pixels of the map between, and those 20 x 20 of the input. The
// ring of the map between is computed by several blocks, 1.27 times the first convolution's work;
// in exchange a pixel moves its input, its result and, for the gradients, the map between: 6 C
// bytes where two convolutions move 10 C. Outside of the image the map between is zero, not what
// the first convolution would make of zeros: the second one's padding.
//
// Registers. The ring makes 324 pixels, 21 tiles of sixteen in the order of their numbers, six a
// warp: a row that ldmatrix reads may begin anywhere, so a tile may go on in the next line. Three
// of 24 tiles are for nothing. 96 sums a lane; no spills at 168 registers, three blocks an SM at 32
// channels (73 KB), one of eight warps at 64 (160 KB).
//
// Floor at 32 channels: 192 bytes a pixel of a forward pass that keeps h, and 2.27 * 18 C^2
// operations: 217 a byte, so the tensor cores decide where two convolutions and an addition on
// their own wait for memory (115 a byte).
#include "kernels/conv3x3_mma.cuh"
#include "kernels/residual_block.h"

namespace dae::cuda {
namespace {

constexpr int kSide = kMmaSide, kMiddle = kSide + 2, kHalo = kSide + 4;  // pixels
constexpr int kPixelWarps = 4;                                           // for each 32 filters
constexpr int kRows = kSide / kPixelWarps;                               // of results, a warp
constexpr int kMiddleTiles =
    ceil_div(ceil_div(kMiddle * kMiddle, kTilePixels), kPixelWarps);  // a warp

template <int C>
constexpr int kThreads = kPixelWarps*(C / kTileFilters) * 32;

template <int C>
constexpr size_t kSharedBytes = sizeof(BFloat16) *
                                ((kHalo * kHalo + kMiddle * kMiddle) * kPitch<C> +
                                 2 * kTapsCount<C>);

// What the two passes are given: b1 and b2 forward, the gate and the sums backward, those of the map between
// before those of the result; `middle` may be null.
struct Operands {
  const BFloat16 *in, *first_w, *second_w, *first_b, *second_b, *gate;
  BFloat16 *middle, *out;
  float* sums;
};

// This tile's share of the channels' sums of the two maps that are written, whose tiles of 16 x 16 pixels begin
// at `middle` and `out`; of those, rows x columns lie in the image. A thread has two channels of every eighth
// pixel. `space` is shared memory that nobody reads any more.
template <int C>
__device__ inline void sum_channels(const BFloat16* middle, const BFloat16* out, int rows,
                                    int columns, float* space, float* sums) {
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
  sums[(int64_t{map} * gridDim.x + blockIdx.x) * C + mine] = sum;
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

template <int C, Use kUse>
__global__ void __launch_bounds__(kThreads<C>, C == 32 ? 3 : 1)
    residual_block_kernel(const __grid_constant__ Operands o, int height, int width,
                          const MmaTiles tiles) {
  constexpr bool kForward = kUse == Use::forward;
  DAE_DYNAMIC_SHARED(BFloat16, input);
  BFloat16* const middle = input + kHalo * kHalo * kPitch<C>;
  BFloat16* const taps = middle + kMiddle * kMiddle * kPitch<C>;  // two buffers
  const TilePlace place = place_of<C>(blockIdx.x, tiles, height, width);
  const int row = place.row, column = place.column;
  const int64_t image = place.image;
  const int warp = threadIdx.x / 32, first = warp / kPixelWarps * kTileFilters;

  begin_pixels<C, kHalo>(input, kHalo, o.in + image, height, width, row - 2, column - 2);
  begin_taps<C>(taps, o.first_w, kForward ? 0 : 2);
  cp_async_commit();
  begin_taps<C>(taps + kTapsCount<C>, o.first_w, 1);
  cp_async_commit();

  {
    const int first_tile = warp % kPixelWarps * kMiddleTiles;
    TileSums sums[kMiddleTiles] = {};
    const BFloat16* pixels[kMiddleTiles];
    DAE_UNROLLED
    for (int t = 0; t < kMiddleTiles; t++) {
      const int any = (first_tile + t) * kTilePixels + pixel_of_lane();
      const int i = any < kMiddle * kMiddle ? any : 0;  // of the tiles that are for nothing
      pixels[t] = input + (i / kMiddle * kHalo + i % kMiddle) * kPitch<C> + pixel_channel_of_lane();
    }
    convolve<C, kUse, kHalo>(sums, pixels, taps, first, o, 0);
    DAE_UNROLLED
    for (int t = 0; t < kMiddleTiles; t++)
      for_each_sum(sums[t], [&](int pixel, int filter, float one, float next) {
        const int i = (first_tile + t) * kTilePixels + pixel, k = first + filter;
        if (i >= kMiddle * kMiddle) return;
        const int y = row - 1 + i / kMiddle, x = column - 1 + i % kMiddle;
        float2 pass = {0,
                       0};  // what ReLU's input, or its result, is: positive where the sum goes on
        if (y >= 0 && y < height && x >= 0 && x < width) {
          if constexpr (kForward) {
            const float2 bias = load_two(o.first_b + k);
            pass = {one += bias.x, next += bias.y};
          } else {
            pass = load_two(o.gate + image + (int64_t{y} * width + x) * C + k);
          }
        }
        store_two(middle + i * kPitch<C> + k, pass.x > 0 ? one : 0.0f, pass.y > 0 ? next : 0.0f);
      });
  }

  // The second convolution's first barrier is the one behind the map between.
  const int first_row = warp % kPixelWarps * kRows;
  TileSums sums[kRows] = {};
  const BFloat16* pixels[kRows];
  DAE_UNROLLED
  for (int t = 0; t < kRows; t++)
    pixels[t] = middle + ((first_row + t) * kMiddle + pixel_of_lane()) * kPitch<C> +
                pixel_channel_of_lane();
  convolve<C, kUse, kMiddle>(sums, pixels, taps, first, o, 3);

  // The input is there still; the results take its place, each where its own addend was.
  BFloat16 *const inner = input + (2 * kHalo + 2) * kPitch<C>, *const inner_middle =
                                                                   middle +
                                                                   (kMiddle + 1) * kPitch<C>;
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
    sum_channels<C>(inner_middle, inner, height - row, width - column,
                    reinterpret_cast<float*>(taps), o.sums);
  store_pixels<C, kSide, kHalo>(inner, kSide, o.out + image, height, width, row, column);
  if (o.middle)
    store_pixels<C, kSide, kMiddle>(inner_middle, kSide, o.middle + image, height, width, row,
                                    column);
}

template <Use kUse>
void run(const char* op, void* stream, const Shape& map, const Operands& o) {
  const MmaTiles tiles = mma_tiles(map);
  const bool narrow = map[3] == 32;
  launch(op, narrow ? residual_block_kernel<32, kUse> : residual_block_kernel<64, kUse>,
         tiles.count, narrow ? kThreads<32> : kThreads<64>,
         narrow ? kSharedBytes<32> : kSharedBytes<64>, stream, o, static_cast<int>(map[1]),
         static_cast<int>(map[2]), tiles);
}

const BFloat16* read(const Tensor& tensor) {
  return tensor.data ? tensor.as<const BFloat16>() : nullptr;
}

}  // namespace

void residual_block(void* stream, const Tensor& x, const Tensor& w1, const Tensor& b1,
                    const Tensor& w2, const Tensor& b2, const Tensor& h, const Tensor& y) {
  run<Use::forward>("residual_block", stream, x.shape,
                    {read(x), read(w1), read(w2), read(b1), read(b2), nullptr,
                     h.data ? h.as<BFloat16>() : nullptr, y.as<BFloat16>(), nullptr});
}

void residual_block_backward(void* stream, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums) {
  run<Use::gradient>("residual_block_backward", stream, dy.shape,
                     {read(dy), read(w2), read(w1), nullptr, nullptr, read(h), dh.as<BFloat16>(),
                      dx.as<BFloat16>(), sums.as<float>()});
}

}  // namespace dae::cuda
