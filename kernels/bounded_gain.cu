// Three numbers an image: launch time only, so one thread an element and nothing clever.
#include "kernels/bounded_gain.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    bounded_gain_kernel(const float* __restrict__ o, float* __restrict__ g, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) g[i] = expf(tanhf(o[i]));
}

__global__ void __launch_bounds__(kThreads)
    bounded_gain_backward_kernel(const float* __restrict__ o, const float* __restrict__ g,
                                 const float* __restrict__ dg, float* __restrict__ d_o,
                                 int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const float t = tanhf(o[i]);
  d_o[i] = dg[i] * g[i] * (1 - t * t);
}

unsigned blocks_for(const Tensor& t) {
  return static_cast<unsigned>(ceil_div<int64_t>(t.count(), kThreads));
}

}  // namespace

void bounded_gain(void* stream, const Tensor& o, const Tensor& g) {
  launch("bounded_gain", bounded_gain_kernel, blocks_for(o), kThreads, 0, stream,
         o.as<const float>(), g.as<float>(), o.count());
}

void bounded_gain_backward(void* stream, const Tensor& o, const Tensor& g, const Tensor& dg,
                           const Tensor& d_o) {
  launch("bounded_gain_backward", bounded_gain_backward_kernel, blocks_for(o), kThreads, 0, stream,
         o.as<const float>(), g.as<const float>(), dg.as<const float>(), d_o.as<float>(),
         o.count());
}

}  // namespace dae::cuda
