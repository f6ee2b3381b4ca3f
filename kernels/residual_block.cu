// Two 3x3 convolutions of kernels/conv3x3_mma.cu, which explains tile, registers, banks and
// pipeline, with what lies between them in shared memory. Backwards the same kernel goes the other
// way round: its first convolution is the gradient by w2, between the two ReLU's gradient is
// applied in place of ReLU, the second is the gradient by w1. What decides that, h, is copied to where
// the map between will be, so that nobody waits for it.
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
//
// The gradient of w2. dy and h, of which it is made, lie in shared memory before the map between is
// there. As in kernels/conv3x3_mma_weights.cu pixels are summed over, so both are read transposed; but
// here a warp has all nine taps, of 16 filters and 16 channels: a row of h, three times by ldmatrix, is
// multiplied by three rows of dy, which stay in registers meanwhile. A tile takes a warp 70 ldmatrix for 288
// products. 9 C^2 sums are 72 a lane at 32 channels, which live from tile to tile: a block takes a run
// of tiles, and leaves its sums once. With the 96 of a convolution that is two blocks an SM, of 255
// registers; at 64 channels they would be 144, so there is none.
#include "kernels/conv3x3_mma_weights.h"
#include "kernels/residual_block.cuh"
#include "kernels/residual_block.h"

namespace dae::cuda {
namespace {

using namespace residual;

template <int C, Use kUse>
__global__ void __launch_bounds__(kThreads<C>, C == 32 ? 3 : 1)
    residual_block_kernel(const __grid_constant__ Operands o) {
  DAE_DYNAMIC_SHARED(BFloat16, shared);
  const Space space = space_in<C>(shared);
  const TilePlace place = place_of<C>(blockIdx.x, o.tiles, o.height, o.width);
  begin_tile<C, kUse>(space, o, place);
  finish_tile<C, kUse>(space, o, blockIdx.x, place);
}

constexpr int kPart = 16;                      // filters and channels of a warp
using FilterSums = float[3][3][kPart / 8][4];  // of each tap: two fragments

// Adds a tile's products of dy, in the middle of `input`, and h, in `middle`, to the gradient of the filters
// from `filter` and the channels from `channel` on.
template <int C>
__device__ inline void add_filter_products(FilterSums& sums, const Space& s, int filter,
                                           int channel) {
  const int lane = threadIdx.x % 32;
  const BFloat16* const gradients =
      s.input + (2 * kHalo + 2 + lane / 16 * 8 + lane % 8) * kPitch<C> + filter + lane / 8 % 2 * 8;
  const BFloat16* const values = s.middle + lane % 16 * kPitch<C> + channel + lane / 16 * 8;
  // Of three rows of dy, the lowest first: those that this row of h is multiplied by for the first to the last row of taps.
  uint32_t a[3][4] = {};
  DAE_ROLLED
  for (int row = 0; row < kMiddle; row++) {
    DAE_UNROLLED
    for (int i = 0; i < 4; i++) {
      a[2][i] = a[1][i];
      a[1][i] = a[0][i];
    }
    if (row < kSide) ldmatrix_x4_trans(a[0], gradients + row * kHalo * kPitch<C>);
    uint32_t b[3][4];
    DAE_UNROLLED
    for (int v = 0; v < 3; v++) ldmatrix_x4_trans(b[v], values + (row * kMiddle + v) * kPitch<C>);
    DAE_UNROLLED
    for (int u = 0; u < 3; u++) {
      if (row - u < 0 || row - u >= kSide) continue;
      DAE_UNROLLED
      for (int v = 0; v < 3; v++) DAE_UNROLLED
      for (int n = 0; n < 2; n++) mma_m16n8k16(sums[u][v][n], a[u], b[v][2 * n], b[v][2 * n + 1]);
    }
  }
}

// The way back with w2's gradient.
template <int C>
__global__ void __launch_bounds__(kThreads<C>, 2)
    residual_block_gradients_kernel(const __grid_constant__ Operands o, unsigned run) {
  static_assert(kThreads<C> / 32 == C / kPart * (C / kPart));
  DAE_DYNAMIC_SHARED(BFloat16, shared);
  const Space space = space_in<C>(shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int filter = warp / (C / kPart) * kPart, channel = warp % (C / kPart) * kPart;
  const unsigned first = blockIdx.x * run,
                 end = o.tiles.count - first < run ? o.tiles.count : first + run;
  FilterSums sums = {};
  for (unsigned tile = first; tile < end; tile++) {
    const TilePlace place = place_of<C>(tile, o.tiles, o.height, o.width);
    begin_tile<C, Use::gradient>(space, o, place);
    cp_async_wait<1>();
    __syncthreads();
    // The first convolution's barriers are between this and what it writes to the map between.
    add_filter_products<C>(sums, space, filter, channel);
    finish_tile<C, Use::gradient>(space, o, tile, place);
    __syncthreads();
  }
  float* const to = o.filter_sums + int64_t{blockIdx.x} * 9 * C * C;
  DAE_UNROLLED
  for (int u = 0; u < 3; u++) DAE_UNROLLED
  for (int v = 0; v < 3; v++) DAE_UNROLLED
  for (int n = 0; n < 2; n++) DAE_UNROLLED
  for (int half = 0; half < 2; half++) {
    const int k = filter + lane / 4 + 8 * half, c = channel + 8 * n + lane % 4 * 2;
    store_pack(to + ((k * 3 + u) * 3 + v) * C + c,
               Pack<float, 2>{{sums[u][v][n][2 * half], sums[u][v][n][2 * half + 1]}});
  }
}

template <Use kUse>
void run(const char* op, void* stream, const Tensor& in, Operands o) {
  o.in = in.as<const BFloat16>();
  o.height = static_cast<int>(in.shape[1]);
  o.width = static_cast<int>(in.shape[2]);
  o.tiles = mma_tiles(in.shape);
  if constexpr (kUse == Use::gradient)
    if (o.filter_sums) {
      const auto [length, blocks] = mma_runs(o.tiles, kResidualBlockRuns);
      return launch(op, residual_block_gradients_kernel<32>, blocks, kThreads<32>, kSharedBytes<32>,
                    stream, o, length);
    }
  const bool narrow = in.shape[3] == 32;
  launch(op, narrow ? residual_block_kernel<32, kUse> : residual_block_kernel<64, kUse>,
         o.tiles.count, narrow ? kThreads<32> : kThreads<64>,
         narrow ? kSharedBytes<32> : kSharedBytes<64>, stream, o);
}

}  // namespace

void residual_block(void* stream, const Tensor& x, const Tensor& w1, const Tensor& b1,
                    const Tensor& w2, const Tensor& b2, const Tensor& h, const Tensor& y) {
  run<Use::forward>("residual_block", stream, x,
                    {.first_w = w1.as<const BFloat16>(),
                     .second_w = w2.as<const BFloat16>(),
                     .first_b = b1.as<const BFloat16>(),
                     .second_b = b2.as<const BFloat16>(),
                     .middle = h.data ? h.as<BFloat16>() : nullptr,
                     .out = y.as<BFloat16>()});
}

void residual_block_backward(void* stream, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums, const Tensor& filter_sums) {
  run<Use::gradient>("residual_block_backward", stream, dy,
                     {.first_w = w2.as<const BFloat16>(),
                      .second_w = w1.as<const BFloat16>(),
                      .gate = h.as<const BFloat16>(),
                      .middle = dh.as<BFloat16>(),
                      .out = dx.as<BFloat16>(),
                      .sums = sums.as<float>(),
                      .filter_sums = filter_sums.data ? filter_sums.as<float>() : nullptr});
}

}  // namespace dae::cuda
