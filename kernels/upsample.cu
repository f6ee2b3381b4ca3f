// Layout NHWC, f32 or bf16. Floor: forward reads x once and writes y = 4x, 20 bytes an f32 input
// element; backward reads 16 and writes 4; half of that in bf16. No arithmetic to speak of, so both
// are copies.
//
// One thread owns sixteen bytes of adjacent channels of one *small* pixel where their number and
// the addresses allow it, else one element: it touches each large element exactly once and x stays
// in registers. A thread per large pixel was rejected: it reads x four times (L2 hides it, the load
// slots are still spent). Blocks of 256: no shared memory, few registers, eight blocks fill an SM.
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/upsample.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

// Where the first of the four large units of small unit i lies, and the one below it.
struct Rows {
  int64_t top, bottom;
};
__device__ inline Rows rows_of(int64_t i, const Divisor& width, const Divisor& units) {
  const auto [pixel, unit] = units.split(i);
  const auto [row, column] = width.split(pixel);
  const int64_t top = (row * 4 * width.value() + 2 * column) * units.value() + unit;
  return {top, top + 2 * width.value() * units.value()};
}

// `units` of V elements make up a pixel's channels; `count` is that of the small tensor's.
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    upsample2x_kernel(const T* __restrict__ x, T* __restrict__ y, int64_t count, Divisor width,
                      Divisor units) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto [top, bottom] = rows_of(i, width, units);
  T value[V];
  load<T, V>(x + i * V, value);
  store<T, V>(y + top * V, value);
  store<T, V>(y + (top + units.value()) * V, value);
  store<T, V>(y + bottom * V, value);
  store<T, V>(y + (bottom + units.value()) * V, value);
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    upsample2x_backward_kernel(const T* __restrict__ dy, T* __restrict__ dx, int64_t count,
                               Divisor width, Divisor units) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto [top, bottom] = rows_of(i, width, units);
  T a[V], b[V], c[V], d[V];
  load<T, V>(dy + top * V, a);
  load<T, V>(dy + (top + units.value()) * V, b);
  load<T, V>(dy + bottom * V, c);
  load<T, V>(dy + (bottom + units.value()) * V, d);
  for (int k = 0; k < V; k++)
    a[k] = from_float<T>((to_float(a[k]) + to_float(b[k])) + (to_float(c[k]) + to_float(d[k])));
  store<T, V>(dx + i * V, a);
}

}  // namespace

void upsample2x(void* stream, const Tensor& x, const Tensor& y) {
  with_unit(x, pack_aligned(x) && pack_aligned(y), [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    const int64_t count = x.count() / V;
    launch("upsample2x", upsample2x_kernel<T, V>,
           static_cast<unsigned>(ceil_div<int64_t>(count, kThreads)), kThreads, 0, stream,
           x.as<const T>(), y.as<T>(), count, x.shape[2], x.shape[3] / V);
  });
}

void upsample2x_backward(void* stream, const Tensor& dy, const Tensor& dx) {
  with_unit(dx, pack_aligned(dx) && pack_aligned(dy), [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    const int64_t count = dx.count() / V;
    launch("upsample2x_backward", upsample2x_backward_kernel<T, V>,
           static_cast<unsigned>(ceil_div<int64_t>(count, kThreads)), kThreads, 0, stream,
           dy.as<const T>(), dx.as<T>(), count, dx.shape[2], dx.shape[3] / V);
  });
}

}  // namespace dae::cuda
