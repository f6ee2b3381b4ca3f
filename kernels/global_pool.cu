// Layout NHWC, f32 or bf16. Floor: forward reads x, backward writes dx; at 4x4 positions and 128
// channels an image either is 8 KB at most, so launches dominate.
//
// Forward: a block owns an image and 32 channels; its 8 rows of 32 threads walk every eighth
// position (a warp reads 32 adjacent channels, one line), then the first row joins the eight
// through shared memory, in order. A later row's maximum wins only if it is larger, or equal and
// earlier: the first of equals, as the contract says. Backward: a thread an element. Rejected: a
// thread a channel walking all positions (no parallelism over positions at batch 16).
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/global_pool.h"

namespace dae::cuda {
namespace {

constexpr int kLanes = 32, kRows = 8, kThreads = kLanes * kRows;

template <class T>
__global__ void __launch_bounds__(kThreads)
    global_pool_kernel(const T* __restrict__ x, T* __restrict__ y, int32_t* __restrict__ argmax,
                       int pixels, int channels) {
  DAE_SHARED(float, sums, kThreads);
  DAE_SHARED(float, tops, kThreads);
  DAE_SHARED(int32_t, positions, kThreads);
  const int lane = threadIdx.x % kLanes, row = threadIdx.x / kLanes;
  const int channel = blockIdx.y * kLanes + lane;
  const int64_t image = blockIdx.x;
  float sum = 0, top = 0;
  int32_t position = -1;  // this row has seen nothing
  if (channel < channels)
    for (int p = row; p < pixels; p += kRows) {
      const float value = to_float(x[(image * pixels + p) * channels + channel]);
      sum += value;
      if (position < 0 || value > top) {
        top = value;
        position = p;
      }
    }
  sums[threadIdx.x] = sum;
  tops[threadIdx.x] = top;
  positions[threadIdx.x] = position;
  __syncthreads();
  if (row != 0 || channel >= channels) return;
  for (int other = kLanes + lane; other < kThreads; other += kLanes) {
    if (positions[other] < 0) continue;
    sum += sums[other];
    if (tops[other] > top || (tops[other] == top && positions[other] < position)) {
      top = tops[other];
      position = positions[other];
    }
  }
  y[image * 2 * channels + channel] = from_float<T>(sum / static_cast<float>(pixels));
  y[(image * 2 + 1) * channels + channel] = from_float<T>(top);
  argmax[image * channels + channel] = position;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    global_pool_backward_kernel(const T* __restrict__ dy, const int32_t* __restrict__ argmax,
                                T* __restrict__ dx, int64_t count, Divisor pixels, Divisor channels,
                                float share) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto [position, channel] = channels.split(i);
  const auto [image, p] = pixels.split(position);
  const T* const d_mean = dy + image * 2 * channels.value() + channel;
  float gradient = share * to_float(d_mean[0]);
  if (argmax[image * channels.value() + channel] == p)
    gradient += to_float(d_mean[channels.value()]);
  dx[i] = from_float<T>(gradient);
}

}  // namespace

void global_pool(void* stream, const Tensor& x, const Tensor& y, const Tensor& argmax) {
  const int channels = static_cast<int>(x.shape[3]);
  const dim3 grid(static_cast<unsigned>(x.shape[0]),
                  static_cast<unsigned>(ceil_div(channels, kLanes)));
  with_element(x.dtype, [&](auto element) {
    using T = decltype(element);
    launch("global_pool", global_pool_kernel<T>, grid, kThreads, 0, stream, x.as<const T>(),
           y.as<T>(), argmax.as<int32_t>(), static_cast<int>(x.shape[1] * x.shape[2]), channels);
  });
}

void global_pool_backward(void* stream, const Tensor& dy, const Tensor& argmax, const Tensor& dx) {
  const int64_t pixels = dx.shape[1] * dx.shape[2];
  with_element(dx.dtype, [&](auto element) {
    using T = decltype(element);
    launch("global_pool_backward", global_pool_backward_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(dx.count(), kThreads)), kThreads, 0, stream,
           dy.as<const T>(), argmax.as<const int32_t>(), dx.as<T>(), dx.count(), pixels,
           dx.shape[3], 1.0f / static_cast<float>(pixels));
  });
}

}  // namespace dae::cuda
