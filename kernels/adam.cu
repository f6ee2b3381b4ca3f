// Flat buffers, f32 but for the gradients and the copy of the weights that convolutions read, which
// are bf16 where the network computes in it. Floor: the norm reads the gradients (4 or 2 bytes a
// weight), the update reads g, w, m, v, ema and writes w, m, v, ema (36; 36 with bf16 too: 2 less
// for the gradient, 2 more for the copy): 40 or 38 bytes a weight, and about 20 operations, so
// memory bound.
//
// Three kernels, because the update of every weight needs the norm of all: partial sums (a block a
// chunk of kAdamChunk gradients: 256 threads, 16 bytes at a time), one block that adds them in fp64
// and completes the state, and the update (four weights a thread, 256 threads, five blocks an
// SM: 48 registers; left alone the compiler aims for six in bf16, and spills). Rejected: one
// cooperative kernel with a grid barrier (it saves two launches, a few microseconds, and cannot be
// captured with other work running beside it); atomics (order, so bits, would change).
#include "kernels/adam_formula.h"
#include "kernels/elements.cuh"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    norm_kernel(const T* __restrict__ g, float* __restrict__ partial, int64_t count) {
  using Reduce = BlockReduce<float, kThreads>;
  constexpr int kCount = Pack<T>::kCount;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  const int64_t begin = int64_t{blockIdx.x} * kAdamChunk;
  const int64_t end = begin + kAdamChunk < count ? begin + kAdamChunk : count;
  float sum = 0;
  for (int64_t i = begin + kCount * threadIdx.x; i < end; i += kCount * kThreads) {
    if (i + kCount <= end) {
      const Pack<T> pack = load_pack(g + i);
      for (int k = 0; k < kCount; k += 2) {
        const float a = to_float(pack.value[k]), b = to_float(pack.value[k + 1]);
        sum += a * a + b * b;
      }
    } else {
      for (int64_t k = i; k < end; k++) sum += to_float(g[k]) * to_float(g[k]);
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

// `copy` is null where nobody reads the weights in bf16.
template <class T>
__global__ void __launch_bounds__(kThreads, 5)
    update_kernel(AdamConfig config, const StepState* __restrict__ state, const T* __restrict__ g,
                  float* __restrict__ w, float* __restrict__ m, float* __restrict__ v,
                  float* __restrict__ ema, BFloat16* __restrict__ copy, int64_t count) {
  const float scale = state->gradient_scale;
  if (scale == 0) return;  // a gradient that is not finite: the same for every thread
  const float rate = state->learning_rate, share = 1 - state->ema_decay;
  const float correction1 = state->correction1, correction2 = state->correction2;
  const auto update = [&](T gradient, float& weight, float& m1, float& m2, float& average) {
    adam_element(config, scale, rate, correction1, correction2, share, to_float(gradient), weight,
                 m1, m2, average);
  };
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4;
  if (i + 4 <= count) {
    const Pack<T, 4> g4 = load_pack<T, 4>(g + i);
    Pack<float> w4 = load_pack(w + i), m4 = load_pack(m + i), v4 = load_pack(v + i),
                e4 = load_pack(ema + i);
    for (int k = 0; k < 4; k++)
      update(g4.value[k], w4.value[k], m4.value[k], v4.value[k], e4.value[k]);
    store_pack(w + i, w4);
    store_pack(m + i, m4);
    store_pack(v + i, v4);
    store_pack(ema + i, e4);
    if (copy) {
      Pack<BFloat16, 4> rounded;
      for (int k = 0; k < 4; k++) rounded.value[k] = to_bf16(w4.value[k]);
      store_pack(copy + i, rounded);
    }
  } else {
    for (int64_t k = i; k < count; k++) {
      update(g[k], w[k], m[k], v[k], ema[k]);
      if (copy) copy[k] = to_bf16(w[k]);
    }
  }
}

}  // namespace

void adam(void* stream, const AdamConfig& config, const AdamTensors& t) {
  const int64_t count = t.gradients.count(), chunks = t.workspace.count();
  auto* const state = static_cast<StepState*>(t.state.data);
  const auto update_blocks = static_cast<unsigned>(ceil_div<int64_t>(count, 4 * kThreads));
  with_element(t.gradients.dtype, [&](auto element) {
    using T = decltype(element);
    launch("adam", norm_kernel<T>, static_cast<unsigned>(chunks), kThreads, 0, stream,
           t.gradients.as<const T>(), t.workspace.as<float>(), count);
    launch("adam", complete_kernel, 1, kThreads, 0, stream, config, t.workspace.as<const float>(),
           chunks, state);
    launch("adam", update_kernel<T>, update_blocks, kThreads, 0, stream, config, state,
           t.gradients.as<const T>(), t.weights.as<float>(), t.m.as<float>(), t.v.as<float>(),
           t.ema.as<float>(), t.weights_bf16.data ? t.weights_bf16.as<BFloat16>() : nullptr, count);
  });
}

}  // namespace dae::cuda
