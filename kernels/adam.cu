// Flat f32 buffers. Floor: the norm reads the gradients (4 bytes a weight), the update reads g, w,
// m, v, ema and writes w, m, v, ema (36): 40 bytes a weight, and about 20 operations, so memory
// bound.
//
// Three kernels, because the update of every weight needs the norm of all: partial sums (a block a
// chunk of kAdamChunk gradients: 256 threads, four float4 each), one block that adds them in fp64
// and completes the state, and the update (float4, 256 threads: 44 registers, five blocks an
// SM). Rejected: one cooperative kernel with a grid barrier (it saves two launches, a few
// microseconds, and cannot be captured with other work running beside it); atomics (order, so bits,
// would change).
#include "kernels/adam_formula.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    norm_kernel(const float* __restrict__ g, float* __restrict__ partial, int64_t count) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  const int64_t begin = int64_t{blockIdx.x} * kAdamChunk;
  const int64_t end = begin + kAdamChunk < count ? begin + kAdamChunk : count;
  float sum = 0;
  for (int64_t i = begin + 4 * threadIdx.x; i < end; i += 4 * kThreads) {
    if (i + 4 <= end) {
      const float4 value = *reinterpret_cast<const float4*>(g + i);
      sum += (value.x * value.x + value.y * value.y) + (value.z * value.z + value.w * value.w);
    } else {
      for (int64_t k = i; k < end; k++) sum += g[k] * g[k];
    }
  }
  sum = Reduce(storage[0]).Sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads)
    complete_kernel(AdamConfig config, const float* __restrict__ partial, int64_t chunks,
                    StepState* state) {
  using Reduce = BlockReduce<double, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += kThreads) sum += partial[i];
  sum = Reduce(storage[0]).Sum(sum);
  if (threadIdx.x == 0) complete_state(config, sum, *state);
}

__global__ void __launch_bounds__(kThreads)
    update_kernel(AdamConfig config, const StepState* __restrict__ state,
                  const float* __restrict__ g, float* __restrict__ w, float* __restrict__ m,
                  float* __restrict__ v, float* __restrict__ ema, int64_t count) {
  const float scale = state->gradient_scale;
  if (scale == 0) return;  // a gradient that is not finite: the same for every thread
  const float rate = state->learning_rate, share = 1 - state->ema_decay;
  const float correction1 = state->correction1, correction2 = state->correction2;
  const auto update = [&](float gradient, float& weight, float& m1, float& m2, float& average) {
    adam_element(config, scale, rate, correction1, correction2, share, gradient, weight, m1, m2,
                 average);
  };
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4;
  if (i + 4 <= count) {
    const float4 g4 = *reinterpret_cast<const float4*>(g + i);
    float4 w4 = *reinterpret_cast<float4*>(w + i), m4 = *reinterpret_cast<float4*>(m + i);
    float4 v4 = *reinterpret_cast<float4*>(v + i), e4 = *reinterpret_cast<float4*>(ema + i);
    update(g4.x, w4.x, m4.x, v4.x, e4.x);
    update(g4.y, w4.y, m4.y, v4.y, e4.y);
    update(g4.z, w4.z, m4.z, v4.z, e4.z);
    update(g4.w, w4.w, m4.w, v4.w, e4.w);
    *reinterpret_cast<float4*>(w + i) = w4;
    *reinterpret_cast<float4*>(m + i) = m4;
    *reinterpret_cast<float4*>(v + i) = v4;
    *reinterpret_cast<float4*>(ema + i) = e4;
  } else {
    for (int64_t k = i; k < count; k++) update(g[k], w[k], m[k], v[k], ema[k]);
  }
}

}  // namespace

void adam(void* stream, const AdamConfig& config, const Tensor& state, const Tensor& gradients,
          const Tensor& weights, const Tensor& m, const Tensor& v, const Tensor& ema,
          const Tensor& workspace) {
  const int64_t count = gradients.count(), chunks = workspace.count();
  auto* const step = static_cast<StepState*>(state.data);
  launch("adam", norm_kernel, static_cast<unsigned>(chunks), kThreads, 0, stream,
         gradients.as<const float>(), workspace.as<float>(), count);
  launch("adam", complete_kernel, 1, kThreads, 0, stream, config, workspace.as<const float>(),
         chunks, step);
  launch("adam", update_kernel, static_cast<unsigned>(ceil_div<int64_t>(count, 4 * kThreads)),
         kThreads, 0, stream, config, step, gradients.as<const float>(), weights.as<float>(),
         m.as<float>(), v.as<float>(), ema.as<float>(), count);
}

}  // namespace dae::cuda
