// Partial sums {rows, columns}, f32. Floor: each is read once; those of all biases of a unet are 15 MB,
// in the second-level cache for the most part.
//
// Blocks are dealt out in the order of a table, 32 columns each; the table is an argument of the launch,
// so nobody uploads it, and a block finds its line by bisection. 32 rows of threads take every 32nd row of
// partial sums, whole lines a warp, and are then added in order: no atomics, so the same bits in every
// run. Rejected: a thread a column (a thousand additions one after the other, each waiting for memory, in
// a few warps); a launch a sum (half of a step's launches were those).
#include "kernels/elements.cuh"
#include "kernels/partial_sums.h"

namespace dae::cuda {
namespace {

constexpr int kLanes = 32, kRows = 32;

struct Line {
  const float* partial;
  void* sum;
  int64_t rows;
  int columns;
  unsigned first_block;
  bool narrow;  // the sum is bf16
};
struct Table {
  Line line[kMostPartialSums];
  int lines;
};
static_assert(sizeof(Table) <= 4096, "what every launch may take as arguments");

__global__ void __launch_bounds__(kLanes* kRows)
    sum_partials_kernel(const __grid_constant__ Table table) {
  DAE_SHARED(double, sums, kLanes* kRows);
  int mine = 0;
  for (int end = table.lines; end - mine > 1;) {
    const int middle = (mine + end) / 2;
    if (table.line[middle].first_block <= blockIdx.x)
      mine = middle;
    else
      end = middle;
  }
  const Line& line = table.line[mine];
  const int lane = threadIdx.x % kLanes, row = threadIdx.x / kLanes;
  const int column = static_cast<int>(blockIdx.x - line.first_block) * kLanes + lane;
  double sum = 0;
  if (column < line.columns)
    for (int64_t i = row; i < line.rows; i += kRows) sum += line.partial[i * line.columns + column];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (row != 0 || column >= line.columns) return;
  for (int other = 1; other < kRows; other++) sum += sums[other * kLanes + lane];
  const auto rounded = static_cast<float>(sum);
  if (line.narrow)
    static_cast<BFloat16*>(line.sum)[column] = to_bf16(rounded);
  else
    static_cast<float*>(line.sum)[column] = rounded;
}

}  // namespace

void sum_partials(void* stream, std::span<const PartialSum> sums) {
  Table table = {};
  unsigned blocks = 0;
  for (const auto& [partial, sum] : sums) {
    const int columns = static_cast<int>(partial.shape[1]);
    table.line[table.lines++] = {.partial = partial.as<const float>(),
                                 .sum = sum.data,
                                 .rows = partial.shape[0],
                                 .columns = columns,
                                 .first_block = blocks,
                                 .narrow = sum.dtype == DType::bf16};
    blocks += static_cast<unsigned>(ceil_div(columns, kLanes));
  }
  launch("sum_partials", sum_partials_kernel, blocks, kLanes * kRows, 0, stream, table);
}

}  // namespace dae::cuda
