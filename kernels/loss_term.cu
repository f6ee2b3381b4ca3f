// One block: each thread adds its share of the partial sums in order, then the block adds the
// threads, a fixed order. Some thousand floats at most, so what counts is the launch; a second
// block for the squares was left out.
#include "kernels/loss_term.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    finish_term_kernel(TermSums sums, float weight, bool first, float* __restrict__ total,
                       float* __restrict__ report) {
  using Reduce = BlockReduce<double, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 2);
  double value = 0, square = 0;
  for (int64_t i = threadIdx.x; i < sums.value_count; i += kThreads) value += sums.values[i];
  for (int64_t i = threadIdx.x; i < sums.square_count; i += kThreads) square += sums.squares[i];
  value = Reduce(storage[0]).Sum(value);
  square = Reduce(storage[1]).Sum(square);
  if (threadIdx.x > 0) return;
  report[0] = static_cast<float>(value * sums.value_scale);
  report[1] = static_cast<float>(sqrt(square) * sums.norm_scale);
  total[0] = (first ? 0.0f : total[0]) + weight * report[0];
}

}  // namespace

void finish_term(void* stream, const char* op, const TermSums& sums, const LossTerm& term) {
  launch(op, finish_term_kernel, 1, kThreads, 0, stream, sums, term.weight, term.first,
         term.total.as<float>(), term.report.as<float>());
}

}  // namespace dae::cuda
