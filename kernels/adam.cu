// Flat buffers, f32 but for the gradients and the copy of the weights that convolutions read, which
// are bf16 where the network computes in it. Floor: the norm reads the gradients (4 or 2 bytes a
// weight), the update reads g, w, m, v, ema and writes w, m, v, ema (36; 36 with bf16 too: 2 less
// for the gradient, 2 more for the copy): 40 or 38 bytes a weight, and about 20 operations, so
// memory bound.
//
// Two kernels, because the update of every weight needs the norm of all: partial sums (a block a
// chunk of kAdamChunk gradients: 256 threads, 16 bytes at a time; one block more does what asks for
// the step alone, whose powers take a thread as long as a chunk takes a block), and the update (four
// weights a thread, 256 threads, five blocks an SM: 48 registers; left alone the compiler aims for
// six in bf16, and spills). Each block of the update adds the partial sums for itself, in fp64 and
// in one order: four kilobytes for four million weights, which lie in the second-level cache. So
// that this is little beside what the block updates there are as many blocks as run at once on an
// H100, each with several runs of weights. Rejected: a kernel of one block in between, which a graph
// of launches waits for on both sides; one cooperative kernel with a grid barrier (it cannot be
// captured with other work running beside it); the norm's last block completing the state (it takes
// a counter in memory that somebody clears, and fences); atomics (order, so bits, would change).
#include <algorithm>

#include "kernels/adam_formula.h"
#include "kernels/elements.cuh"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostUpdateBlocks = 5 * 132;

// Of the blocks the last has no chunk.
template <class T>
__global__ void __launch_bounds__(kThreads)
    norm_kernel(AdamConfig config, StepState* __restrict__ state, const T* __restrict__ g,
                float* __restrict__ partial, int64_t count) {
  if (blockIdx.x == gridDim.x - 1) {
    if (threadIdx.x == 0) begin_update(config, *state);
    return;
  }
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

// `copy` is null where nobody reads the weights in bf16. The first block notes the norm in the state,
// in fields that no other block reads.
template <class T>
__global__ void __launch_bounds__(kThreads, 5)
    update_kernel(AdamConfig config, StepState* state, const float* __restrict__ partial,
                  int64_t chunks, const T* __restrict__ g, float* __restrict__ w,
                  float* __restrict__ m, float* __restrict__ v, float* __restrict__ ema,
                  BFloat16* __restrict__ copy, int64_t count) {
  using Reduce = BlockReduce<double, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  DAE_SHARED(float, scales, 1);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += kThreads) sum += partial[i];
  sum = Reduce(storage[0]).Sum(sum);
  if (threadIdx.x == 0) {
    const Clipping clipping = clipping_of(config, sum);
    scales[0] = clipping.scale;
    if (blockIdx.x == 0) note_clipping(clipping, *state);
  }
  __syncthreads();
  const float scale = scales[0];
  if (scale == 0) return;  // a gradient that is not finite: the same for every thread
  const float rate = state->learning_rate, share = 1 - state->ema_decay;
  const float correction1 = state->correction1, correction2 = state->correction2;
  const auto update = [&](T gradient, float& weight, float& m1, float& m2, float& average) {
    adam_element(config, scale, rate, correction1, correction2, share, to_float(gradient), weight,
                 m1, m2, average);
  };
  const int64_t stride = int64_t{gridDim.x} * kThreads * 4;
  for (int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4; i < count; i += stride) {
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
}

}  // namespace

void adam(void* stream, const AdamConfig& config, const AdamTensors& t) {
  const int64_t count = t.gradients.count(), chunks = t.workspace.count();
  auto* const state = static_cast<StepState*>(t.state.data);
  // One at least: without weights the state goes on all the same.
  const auto update_blocks = static_cast<unsigned>(
      std::clamp<int64_t>(ceil_div<int64_t>(count, 4 * kThreads), 1, kMostUpdateBlocks));
  with_element(t.gradients.dtype, [&](auto element) {
    using T = decltype(element);
    launch("adam", norm_kernel<T>, static_cast<unsigned>(chunks + 1), kThreads, 0, stream, config,
           state, t.gradients.as<const T>(), t.workspace.as<float>(), count);
    launch("adam", update_kernel<T>, update_blocks, kThreads, 0, stream, config, state,
           t.workspace.as<const float>(), chunks, t.gradients.as<const T>(), t.weights.as<float>(),
           t.m.as<float>(), t.v.as<float>(), t.ema.as<float>(),
           t.weights_bf16.data ? t.weights_bf16.as<BFloat16>() : nullptr, count);
  });
}

}  // namespace dae::cuda
