// Layout NHWC. Floor: reads y (4 bytes) and target (1), writes dy (4), or reads and writes it (8):
// 9 or 13 bytes an element; about 20 operations an element stay below the memory's time.
//
// A block takes a strip of eight 8x8 blocks beside each other with their channels: eight rows of
// 192 floats. 192 threads: each takes a column of the strip, so that a warp reads and writes
// adjacent elements, and has the eight numbers of its column DCT in registers. Shared memory then
// turns columns into rows: 8 rows x 24 (block, channel) pairs are 192 row DCTs, one a thread. Rows
// are kRow floats apart so that the threads of one warp, which lie on two rows, do not fall onto
// the same banks; within a row blocks 0 and 4 still do, a two-way conflict. Rejected: a warp a
// block with shuffles (loads of 24 bytes a row and channel use a quarter of each line); 64 threads
// a block and channel computing plain sums of eight products (four times the arithmetic).
#include "kernels/dct8.h"
#include "kernels/dct_loss.h"
#include "kernels/division.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kColumns = kDctBlocksAStrip * 24, kThreads = kColumns, kRow = kColumns + 4;

__global__ void __launch_bounds__(kThreads)
    dct_loss_kernel(const float* __restrict__ y, const uint8_t* __restrict__ target,
                    float* __restrict__ dy, float* __restrict__ values, float* __restrict__ squares,
                    int64_t row, unsigned across, float scale, bool first) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 2);
  DAE_SHARED(float, strip, 8 * kRow);
  const int64_t left = blockIdx.x % across * kColumns;
  const int64_t at = int64_t{blockIdx.x / across} * 8 * row + left + threadIdx.x;
  const bool inside = left + threadIdx.x < row;  // the last strip of a row may be shorter
  float line[8];

  for (int v = 0; v < 8; v++)
    line[v] = inside ? y[at + v * row] - over_255(target[at + v * row]) : 0.0f;
  dct8(line);
  for (int v = 0; v < 8; v++) strip[v * kRow + threadIdx.x] = line[v];
  __syncthreads();

  // A row of one block and channel.
  const int pair = threadIdx.x % 24;
  float* const mine = strip + threadIdx.x / 24 * kRow + pair / 3 * 24 + pair % 3;
  for (int u = 0; u < 8; u++) line[u] = mine[3 * u];
  dct8(line);
  float value = 0, square = 0;
  for (int u = 0; u < 8; u++) {
    const float sign = static_cast<float>((line[u] > 0) - (line[u] < 0));
    value += fabsf(line[u]);
    square += sign * sign;
    line[u] = sign;
  }
  inverse_dct8(line);
  for (int u = 0; u < 8; u++) mine[3 * u] = line[u];
  __syncthreads();

  for (int v = 0; v < 8; v++) line[v] = strip[v * kRow + threadIdx.x];
  inverse_dct8(line);
  if (inside)
    for (int v = 0; v < 8; v++)
      dy[at + v * row] = (first ? 0.0f : dy[at + v * row]) + scale * line[v];
  value = Reduce(storage[0]).Sum(value);
  square = Reduce(storage[1]).Sum(square);
  if (threadIdx.x > 0) return;
  values[blockIdx.x] = value;
  squares[blockIdx.x] = square;
}

}  // namespace

void dct_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
              float* values, float* squares) {
  const int64_t row = y.shape[2] * 3, across = ceil_div(row, int64_t{kColumns});
  launch("dct_loss", dct_loss_kernel, static_cast<unsigned>(y.shape[0] * (y.shape[1] / 8) * across),
         kThreads, 0, stream, y.as<const float>(), target.as<const uint8_t>(), term.dy.as<float>(),
         values, squares, row, across, term.weight / static_cast<float>(y.count()), term.first);
}

}  // namespace dae::cuda
