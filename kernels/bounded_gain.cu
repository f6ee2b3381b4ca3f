// Three numbers an image: launch time only, so one thread an element and nothing clever.
#include "kernels/bounded_gain.h"
#include "kernels/elements.cuh"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    bounded_gain_kernel(const T* __restrict__ o, float* __restrict__ g, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) g[i] = expf(tanhf(to_float(o[i])));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    bounded_gain_backward_kernel(const T* __restrict__ o, const float* __restrict__ g,
                                 const float* __restrict__ dg, T* __restrict__ d_o, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const float t = tanhf(to_float(o[i]));
  d_o[i] = from_float<T>(dg[i] * g[i] * (1 - t * t));
}

unsigned blocks_for(const Tensor& t) {
  return static_cast<unsigned>(ceil_div<int64_t>(t.count(), kThreads));
}

}  // namespace

void bounded_gain(void* stream, const Tensor& o, const Tensor& g) {
  with_element(o.dtype, [&](auto element) {
    using T = decltype(element);
    launch("bounded_gain", bounded_gain_kernel<T>, blocks_for(o), kThreads, 0, stream,
           o.as<const T>(), g.as<float>(), o.count());
  });
}

void bounded_gain_backward(void* stream, const Tensor& o, const Tensor& g, const Tensor& dg,
                           const Tensor& d_o) {
  with_element(o.dtype, [&](auto element) {
    using T = decltype(element);
    launch("bounded_gain_backward", bounded_gain_backward_kernel<T>, blocks_for(o), kThreads, 0,
           stream, o.as<const T>(), g.as<const float>(), dg.as<const float>(), d_o.as<T>(),
           o.count());
  });
}

}  // namespace dae::cuda
