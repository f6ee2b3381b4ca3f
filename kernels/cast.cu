// Any layout. Floor: 4 bytes read and 2 written an element. A thread takes eight elements (two
// 128-bit loads, one store) where both addresses allow it, the last count % 8 one each; blocks of
// 256, no shared memory.
#include "kernels/cast.h"
#include "kernels/elements.cuh"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256, kElements = Pack<BFloat16>::kCount;

__global__ void __launch_bounds__(kThreads)
    cast_packs_kernel(const float* __restrict__ x, BFloat16* __restrict__ y, int64_t count) {
  const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x, packs = count / kElements;
  if (thread < packs) {
    Pack<BFloat16> out;
    for (int half = 0; half < 2; half++) {
      const Pack<float> in = load_pack(x + thread * kElements + 4 * half);
      for (int k = 0; k < 4; k++) out.value[4 * half + k] = to_bf16(in.value[k]);
    }
    store_pack(y + thread * kElements, out);
  } else if (const int64_t i = packs * kElements + (thread - packs); i < count) {
    y[i] = to_bf16(x[i]);
  }
}

__global__ void __launch_bounds__(kThreads)
    cast_kernel(const float* __restrict__ x, BFloat16* __restrict__ y, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) y[i] = to_bf16(x[i]);
}

}  // namespace

void cast(void* stream, const Tensor& x, const Tensor& y) {
  const int64_t count = x.count();
  const bool packs = pack_aligned(x) && pack_aligned(y);
  const int64_t threads = packs ? count / kElements + count % kElements : count;
  launch("cast", packs ? cast_packs_kernel : cast_kernel,
         static_cast<unsigned>(ceil_div<int64_t>(threads, kThreads)), kThreads, 0, stream,
         x.as<const float>(), y.as<BFloat16>(), count);
}

}  // namespace dae::cuda
