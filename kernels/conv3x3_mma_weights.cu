// Once more nine products, of kernels/conv3x3_mma.cu's kind, but summed over pixels: filters by
// pixels, times pixels, shifted by the tap, by channels. Both lie with pixels as rows, so both are
// read transposed (ldmatrix_x4_trans).
//
// Registers. 9 C^2 sums do not fit a warp: each has a row of three taps, 32 filters, 32 channels:
// 96 sums a lane. For sixteen pixels it loads dy once (two ldmatrix) and x for each tap (six), for
// 24 mma. At 64 channels that makes 12 warps; at 32 it makes three, so there four groups of three
// share a tile, four rows each.
//
// Order. A block adds a run of tiles, one after another, in registers; its groups then add theirs
// in shared memory in turn; a second kernel adds the blocks', in fp64. No atomics, so the same bits
// in every run.
//
// Pipeline. While a tile is multiplied the next is on its way. 93 KB at 32 channels, 167 at 64: one
// block of twelve warps an SM, 168 registers.
//
// Floor. 4 C bytes a pixel and 18 C^2 operations, as forward, and the blocks' sums, at most 4.7 MB
// (19 at 64 channels) written and read. Rejected: a partial sum for each group (four times that); a
// block for each tap (dy would be read nine times).
#include "kernels/conv3x3_mma.cuh"
#include "kernels/conv3x3_mma_weights.h"

namespace dae::cuda {
namespace {

constexpr int kSide = kMmaSide, kHalo = kSide + 2;
constexpr int kThreads = 384, kSumThreads = 256;
constexpr int kPart = 32;  // filters and channels of a warp

template <int C>
constexpr int kGroups = kThreads / 32 / 3 / (C / kPart) / (C / kPart);
template <int C>
constexpr int kGradients = kSide* kSide* kPitch<C>;
template <int C>
constexpr int kBuffer = kGradients<C> + kHalo* kHalo* kPitch<C>;  // a tile of dy, then of x
template <int C>
constexpr size_t kSharedBytes = 2 * kBuffer<C> * sizeof(BFloat16);

template <int C>
__global__ void __launch_bounds__(kThreads)
    conv3x3_mma_weights_kernel(const BFloat16* __restrict__ x, const BFloat16* __restrict__ dy,
                               float* __restrict__ partial, int height, int width,
                               const MmaTiles tiles, unsigned run) {
  DAE_DYNAMIC_SHARED(BFloat16, buffers);
  const auto begin_tile = [&](unsigned tile, BFloat16* to) {
    const auto [row, column, image] = place_of<C>(tile, tiles, height, width);
    begin_pixels<C, kSide>(to, kSide, dy + image, height, width, row, column);
    begin_pixels<C, kHalo>(to + kGradients<C>, kHalo, x + image, height, width, row - 1,
                           column - 1);
  };
  const unsigned first = blockIdx.x * run,
                 end = tiles.count - first < run ? tiles.count : first + run;
  const int lane = threadIdx.x % 32, u = threadIdx.x / 32 % 3, part = threadIdx.x / 32 / 3;
  const int group = part % kGroups<C>, first_filter = part / kGroups<C> % (C / kPart) * kPart,
            first_channel = part / kGroups<C> / (C / kPart) * kPart;
  constexpr int kRows = kSide / kGroups<C>;

  float sums[3][2][4][4] = {};  // [tap][16 filters][8 channels]: a fragment
  begin_tile(first, buffers);
  cp_async_commit();
  for (unsigned tile = first; tile < end; tile++) {
    BFloat16* const now = buffers + (tile - first) % 2 * kBuffer<C>;
    if (tile + 1 < end) begin_tile(tile + 1, buffers + (tile + 1 - first) % 2 * kBuffer<C>);
    cp_async_commit();
    cp_async_wait<1>();  // the newest group is the next tile
    __syncthreads();
    const BFloat16* const gradients =
        now + (lane / 16 * 8 + lane % 8) * kPitch<C> + first_filter + lane / 8 % 2 * 8;
    const BFloat16* const values =
        now + kGradients<C> + lane % 16 * kPitch<C> + first_channel + lane / 16 * 8;
    DAE_ROLLED
    for (int row = group * kRows; row < (group + 1) * kRows; row++) {
      uint32_t a[2][4];
      ldmatrix_x4_trans(a[0], gradients + row * kSide * kPitch<C>);
      ldmatrix_x4_trans(a[1], gradients + row * kSide * kPitch<C> + 16);
      DAE_UNROLLED
      for (int v = 0; v < 3; v++) {
        uint32_t b[2][4];
        const BFloat16* const shifted = values + ((row + u) * kHalo + v) * kPitch<C>;
        ldmatrix_x4_trans(b[0], shifted);
        ldmatrix_x4_trans(b[1], shifted + 16);
        DAE_UNROLLED
        for (int m = 0; m < 2; m++) DAE_UNROLLED
        for (int n = 0; n < 4; n++)
          mma_m16n8k16(sums[v][m][n], a[m], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
      }
    }
    __syncthreads();
  }

  // The last barrier has freed the buffers: the groups add their sums there, in turn.
  float* const total = reinterpret_cast<float*>(buffers);
  for (int turn = 0; turn < kGroups<C>; turn++) {
    if (turn == group) {
      DAE_UNROLLED
      for (int v = 0; v < 3; v++) DAE_UNROLLED
      for (int m = 0; m < 2; m++) DAE_UNROLLED
      for (int n = 0; n < 4; n++) DAE_UNROLLED
      for (int i = 0; i < 4; i++) {
        const int filter = first_filter + 16 * m + lane / 4 + i / 2 * 8,
                  channel = first_channel + 8 * n + lane % 4 * 2 + i % 2;
        float& at = total[((filter * 3 + u) * 3 + v) * C + channel];
        at = turn == 0 ? sums[v][m][n][i] : at + sums[v][m][n][i];
      }
    }
    __syncthreads();
  }
  for (int i = threadIdx.x; i < 9 * C * C; i += kThreads)
    partial[int64_t{blockIdx.x} * 9 * C * C + i] = total[i];
}

__global__ void __launch_bounds__(kSumThreads)
    sum_weight_partials_kernel(const float* __restrict__ partial, BFloat16* __restrict__ dw,
                               int blocks, int count) {
  const int i = blockIdx.x * kSumThreads + threadIdx.x;
  if (i >= count) return;
  double sum = 0;
  for (int block = 0; block < blocks; block++) sum += partial[int64_t{block} * count + i];
  dw[i] = to_bf16(static_cast<float>(sum));
}

}  // namespace

void conv3x3_mma_weights(void* stream, const Tensor& x, const Tensor& dy, const Tensor& dw,
                         const Tensor& workspace) {
  const char* const op = "conv3x3_mma_weights";
  const MmaTiles tiles = mma_tiles(x.shape);
  const auto [run, blocks] = mma_runs(tiles, kMmaWeightsRuns);
  const bool narrow = x.shape[3] == 32;
  launch(op, narrow ? conv3x3_mma_weights_kernel<32> : conv3x3_mma_weights_kernel<64>, blocks,
         kThreads, narrow ? kSharedBytes<32> : kSharedBytes<64>, stream, x.as<const BFloat16>(),
         dy.as<const BFloat16>(), workspace.as<float>(), static_cast<int>(x.shape[1]),
         static_cast<int>(x.shape[2]), tiles, run);
  const int count = static_cast<int>(dw.count());
  launch(op, sum_weight_partials_kernel, static_cast<unsigned>(ceil_div(count, kSumThreads)),
         kSumThreads, 0, stream, workspace.as<const float>(), dw.as<BFloat16>(),
         static_cast<int>(blocks), count);
}

}  // namespace dae::cuda
