// The idea. A 3x3 convolution is nine matrix products: for each tap (u, v), pixels by channels,
// shifted by the tap, times channels by filters, summed. A tensor core multiplies 16 x 16 by 16 x 8
// at once: 16 pixels of a row, 16 channels, 8 filters. The pixels never become a matrix in memory
// ("im2col"): a shift by a tap is another address in shared memory, and ldmatrix takes an address
// for each row.
//
// Tile. A block computes 16 x 16 pixels and all C filters. It needs 18 x 18 pixels, the halo
// included: 1.27 times as many as it writes, most of them in the L2 cache by then.
//
// Registers. A warp computes four rows of 16 pixels by 32 filters: 64 sums a lane. For each tap and
// 16 channels it loads the weights once (two ldmatrix) and uses them for its four rows (four
// ldmatrix, sixteen mma). With one row a warp it would be three ldmatrix for four mma: shared
// memory, 128 bytes a cycle, 512 for an ldmatrix, would be busy for 12 cycles where the tensor
// cores need 4.
//
// Shared memory. The pixels, and two buffers for the weights, which come a row of three taps at a
// time: while one row is multiplied the next is on its way (cp.async, which no register passes
// through). 41 KB at 32 channels, 102 KB at 64: four and two blocks an SM, 16 warps, whose loads
// and products overlap. Rows of channels lie 16 bytes further apart than they need,
// kernels/conv3x3_mma.cuh: at 64 or 128 bytes the eight rows of a matrix would meet in one or two
// of the eight 16-byte banks. A swizzle needs no such padding, but says what it does less plainly.
//
// Floor. 4 C bytes a pixel read and written, 18 C^2 operations: 144 a byte at 32 channels, near
// where memory and mma.sync take equally long on an H100, 288 at 64, where mma.sync decides.
//
// Why not wgmma. Hopper's own instruction multiplies from shared memory with four warps together
// and is faster still by half, but its operands are described by descriptors of 8 x 8 cores, its
// waits are another proxy's, and it runs on that one chip: it belongs into a sibling of its own
// (*_sm90.cu) once this form is what limits.
//
// Rejected: all weights in shared memory at once (28 KB more at 64 channels: one block an SM);
// storing from registers (four bytes a lane, half of each 32-byte sector): results go through
// shared memory once more.
#include "kernels/conv3x3_mma.cuh"
#include "kernels/conv3x3_mma.h"

namespace dae::cuda {
namespace {

constexpr int kSide = kMmaSide, kHalo = kSide + 2;  // pixels, computed and read
constexpr int kWarpRows = 4;

template <int C>
constexpr int kThreads = 32 * (kSide / kWarpRows) * (C / kTileFilters);

template <int C>
constexpr size_t kSharedBytes = (kHalo * kHalo * kPitch<C> + 2 * kTapsCount<C>)*sizeof(BFloat16);

template <int C>
__global__ void __launch_bounds__(kThreads<C>, C == 32 ? 4 : 2)
    conv3x3_mma_kernel(const BFloat16* __restrict__ x, const BFloat16* __restrict__ w,
                       const BFloat16* __restrict__ b, BFloat16* __restrict__ y, int height,
                       int width, const MmaTiles tiles, bool relu) {
  DAE_DYNAMIC_SHARED(BFloat16, pixels);
  BFloat16* const taps = pixels + kHalo * kHalo * kPitch<C>;  // two buffers
  const auto [row, column, image] = place_of<C>(blockIdx.x, tiles, height, width);
  const int warp = threadIdx.x / 32;
  const int first_row = warp % (kSide / kWarpRows) * kWarpRows,
            first_filter = warp / (kSide / kWarpRows) * kTileFilters;

  begin_pixels<C, kHalo>(pixels, kHalo, x + image, height, width, row - 1, column - 1);
  begin_taps<C>(taps, w, 0);
  cp_async_commit();
  begin_taps<C>(taps + kTapsCount<C>, w, 1);
  cp_async_commit();

  TileSums sums[kWarpRows] = {};
  DAE_ROLLED
  for (int u = 0; u < 3; u++) {
    cp_async_wait<1>();  // the newest group is the next row of taps
    __syncthreads();
    const BFloat16* rows[kWarpRows];
    for (int t = 0; t < kWarpRows; t++)
      rows[t] = pixels + ((first_row + t + u) * kHalo + pixel_of_lane()) * kPitch<C> +
                pixel_channel_of_lane();
    multiply_taps<C, Use::forward>(
        sums, rows, weights_of_lane<C, Use::forward>(taps + u % 2 * kTapsCount<C>, first_filter));
    __syncthreads();
    if (u == 0) begin_taps<C>(taps, w, 2);
    cp_async_commit();  // empty but for the first time: the count of groups goes on
  }

  // Nobody reads the pixels any more: the results take their place.
  DAE_UNROLLED
  for (int t = 0; t < kWarpRows; t++)
    for_each_sum(sums[t], [&](int pixel, int filter, float one, float next) {
      const int k = first_filter + filter;
      const float2 bias = load_two(b + k);
      one += bias.x;
      next += bias.y;
      store_two(pixels + ((first_row + t) * kSide + pixel) * kPitch<C> + k,
                relu && !(one > 0) ? 0.0f : one, relu && !(next > 0) ? 0.0f : next);
    });
  __syncthreads();
  store_pixels<C, kSide, kSide>(pixels, kSide, y + image, height, width, row, column);
}

template <int C>
void launch_on(void* stream, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
               bool relu) {
  const MmaTiles tiles = mma_tiles(x.shape);
  launch("conv3x3_mma", conv3x3_mma_kernel<C>, tiles.count, kThreads<C>, kSharedBytes<C>, stream,
         x.as<const BFloat16>(), w.as<const BFloat16>(), b.as<const BFloat16>(), y.as<BFloat16>(),
         static_cast<int>(x.shape[1]), static_cast<int>(x.shape[2]), tiles, relu);
}

}  // namespace

void conv3x3_mma(void* stream, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
                 bool relu) {
  (x.shape[3] == 32 ? launch_on<32> : launch_on<64>)(stream, x, w, b, y, relu);
}

}  // namespace dae::cuda
