// Floors, in bytes an element: unit_picture reads 1 and writes 4; feature_distance reads 8 and
// writes 4; perceptual_loss reads 4 and writes 4, or reads 8 where it adds. A block of the last two
// takes one chunk, so what it sums does not depend on the launch. A float a thread, whole lines a
// warp: 128-bit loads were left out, since the largest of these tensors are the first layer's maps,
// which a convolution has just left in the L2 cache.
#include "kernels/perceptual_loss.h"
#include "kernels/pixel_loss_formula.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    unit_picture_kernel(const unsigned char* __restrict__ x, float* __restrict__ y, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) y[i] = over_255(x[i]);
}

// Calls f(i) for the block's chunk of `count` elements and writes its results, added, to *sum.
template <class F>
__device__ inline void sum_chunk(int64_t count, float scale, float* sum, const F& f) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  const int64_t begin = blockIdx.x * kPixelLossChunk;
  const int64_t end = begin + kPixelLossChunk < count ? begin + kPixelLossChunk : count;
  float square = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) square += f(i);
  square = Reduce(storage[0]).Sum(square);
  if (threadIdx.x == 0) *sum = scale * square;
}

__global__ void __launch_bounds__(kThreads)
    feature_distance_kernel(const float* __restrict__ x, const float* __restrict__ target,
                            float* __restrict__ dx, float* __restrict__ sums, int64_t count,
                            float scale) {
  sum_chunk(count, scale, sums + blockIdx.x, [=](int64_t i) {
    const float difference = x[i] - target[i];
    dx[i] = 2 * scale * difference;
    return difference * difference;
  });
}

__global__ void __launch_bounds__(kThreads)
    perceptual_loss_kernel(const float* __restrict__ g, float* __restrict__ dy,
                           float* __restrict__ squares, int64_t count, float weight, bool first) {
  sum_chunk(count, 1, squares + blockIdx.x, [=](int64_t i) {
    dy[i] = (first ? 0.0f : dy[i]) + weight * g[i];
    return g[i] * g[i];
  });
}

}  // namespace

void unit_picture(void* stream, const Tensor& x, const Tensor& y) {
  launch("unit_picture", unit_picture_kernel,
         static_cast<unsigned>(ceil_div<int64_t>(x.count(), kThreads)), kThreads, 0, stream,
         x.as<const uint8_t>(), y.as<float>(), x.count());
}

void feature_distance(void* stream, const Tensor& x, const Tensor& target, float scale,
                      const Tensor& dx, const Tensor& sums) {
  launch("feature_distance", feature_distance_kernel,
         static_cast<unsigned>(feature_chunks(x.shape)), kThreads, 0, stream, x.as<const float>(),
         target.as<const float>(), dx.as<float>(), sums.as<float>(), x.count(), scale);
}

void perceptual_loss(void* stream, const Tensor& g, const LossTerm& term, float* squares) {
  launch("perceptual_loss", perceptual_loss_kernel, static_cast<unsigned>(feature_chunks(g.shape)),
         kThreads, 0, stream, g.as<const float>(), term.dy.as<float>(), squares, g.count(),
         term.weight, term.first);
}

}  // namespace dae::cuda
