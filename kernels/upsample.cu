// Layout NHWC, f32. Floor: forward reads x once and writes y = 4x, 20 bytes an input element;
// backward reads 16 and writes 4. No arithmetic to speak of, so both are copies.
//
// One thread owns four consecutive channels of one *small* pixel (128-bit accesses when C % 4 ==
// 0): it touches each large element exactly once and x stays in registers. A thread per large pixel
// was rejected: it reads x four times (L2 hides it, the load slots are still spent). Blocks of 256:
// no shared memory, few registers, eight blocks fill an SM.
#include "kernels/division.h"
#include "kernels/upsample.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

// Where the first of the four large elements of small element i lies, and the one below it.
struct Rows {
  int64_t top, bottom;
};
__device__ inline Rows rows_of(int64_t i, const Divisor& width, const Divisor& channels) {
  const auto [pixel, c] = channels.split(i);
  const auto [row, column] = width.split(pixel);
  const int64_t top = (row * 4 * width.value() + 2 * column) * channels.value() + c;
  return {top, top + 2 * width.value() * channels.value()};
}

// V is float4 or float; channels counts V elements.
template <class V>
__global__ void __launch_bounds__(kThreads)
    upsample2x_kernel(const V* __restrict__ x, V* __restrict__ y, int64_t count, Divisor width,
                      Divisor channels) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto [top, bottom] = rows_of(i, width, channels);
  const V value = x[i];
  y[top] = value;
  y[top + channels.value()] = value;
  y[bottom] = value;
  y[bottom + channels.value()] = value;
}

__device__ inline float sum(float a, float b, float c, float d) {
  return (a + b) + (c + d);
}
__device__ inline float4 sum(const float4& a, const float4& b, const float4& c, const float4& d) {
  return make_float4(sum(a.x, b.x, c.x, d.x), sum(a.y, b.y, c.y, d.y), sum(a.z, b.z, c.z, d.z),
                     sum(a.w, b.w, c.w, d.w));
}

template <class V>
__global__ void __launch_bounds__(kThreads)
    upsample2x_backward_kernel(const V* __restrict__ dy, V* __restrict__ dx, int64_t count,
                               Divisor width, Divisor channels) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto [top, bottom] = rows_of(i, width, channels);
  dx[i] = sum(dy[top], dy[top + channels.value()], dy[bottom], dy[bottom + channels.value()]);
}

bool vectorizes(const Tensor& a, const Tensor& b) {
  return a.shape[3] % 4 == 0 && reinterpret_cast<uintptr_t>(a.data) % 16 == 0 &&
         reinterpret_cast<uintptr_t>(b.data) % 16 == 0;
}

template <class V>
unsigned blocks_for(const Tensor& small) {
  return static_cast<unsigned>(ceil_div<int64_t>(small.count() * 4 / sizeof(V), kThreads));
}

}  // namespace

void upsample2x(void* stream, const Tensor& x, const Tensor& y) {
  const int64_t width = x.shape[2], channels = x.shape[3];
  if (vectorizes(x, y))
    launch("upsample2x", upsample2x_kernel<float4>, blocks_for<float4>(x), kThreads, 0, stream,
           static_cast<const float4*>(x.data), static_cast<float4*>(y.data), x.count() / 4, width,
           channels / 4);
  else
    launch("upsample2x", upsample2x_kernel<float>, blocks_for<float>(x), kThreads, 0, stream,
           x.as<const float>(), y.as<float>(), x.count(), width, channels);
}

void upsample2x_backward(void* stream, const Tensor& dy, const Tensor& dx) {
  const int64_t width = dx.shape[2], channels = dx.shape[3];
  if (vectorizes(dx, dy))
    launch("upsample2x_backward", upsample2x_backward_kernel<float4>, blocks_for<float4>(dx),
           kThreads, 0, stream, static_cast<const float4*>(dy.data), static_cast<float4*>(dx.data),
           dx.count() / 4, width, channels / 4);
  else
    launch("upsample2x_backward", upsample2x_backward_kernel<float>, blocks_for<float>(dx),
           kThreads, 0, stream, dy.as<const float>(), dx.as<float>(), dx.count(), width, channels);
}

}  // namespace dae::cuda
