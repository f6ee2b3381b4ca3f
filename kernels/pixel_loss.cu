// Floor: reads y (4 bytes) and target (1), writes dy (4), or reads and writes it (8) when a term
// adds: 9 or 13 bytes an element. A block takes one chunk, so what it sums does not depend on the
// launch. Loads are a float a thread, whole lines a warp: 128-bit loads were left out because u8
// and f32 of the same elements would then need two alignments, and 32 bytes a warp of u8 are a full
// sector as it is.
#include "kernels/pixel_loss.h"
#include "kernels/pixel_loss_formula.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

template <class Formula>
__global__ void __launch_bounds__(kThreads)
    pixel_loss_kernel(const float* __restrict__ y, const uint8_t* __restrict__ target,
                      float* __restrict__ dy, float* __restrict__ values,
                      float* __restrict__ squares, int64_t count, float scale, bool first) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 2);
  const int64_t begin = blockIdx.x * kPixelLossChunk;
  const int64_t end = begin + kPixelLossChunk < count ? begin + kPixelLossChunk : count;
  float value = 0, square = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const PixelTerm t = Formula::of(pixel_error(y[i], target[i]));
    value += t.value;
    square += t.slope * t.slope;
    dy[i] = (first ? 0.0f : dy[i]) + scale * t.slope;
  }
  value = Reduce(storage[0]).Sum(value);
  square = Reduce(storage[1]).Sum(square);
  if (threadIdx.x > 0) return;
  values[blockIdx.x] = value;
  squares[blockIdx.x] = square;
}

template <class Formula>
void pixel_loss(void* stream, const char* op, const Tensor& y, const Tensor& target,
                const LossTerm& term, float* values, float* squares) {
  launch(op, pixel_loss_kernel<Formula>,
         static_cast<unsigned>(ceil_div(y.count(), kPixelLossChunk)), kThreads, 0, stream,
         y.as<const float>(), target.as<const uint8_t>(), term.dy.as<float>(), values, squares,
         y.count(), term.weight / static_cast<float>(y.count()), term.first);
}

}  // namespace

void mse_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
              float* values, float* squares) {
  pixel_loss<SquaredError>(stream, "mse_loss", y, target, term, values, squares);
}

void l1_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
             float* values, float* squares) {
  pixel_loss<AbsoluteError>(stream, "l1_loss", y, target, term, values, squares);
}

}  // namespace dae::cuda
