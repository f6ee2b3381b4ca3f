// Any layout, f32 or bf16. Floor: two reads and one write, 12 (6) bytes an element, nothing to
// compute.
//
// A thread moves sixteen bytes of each tensor (128-bit accesses) where both pointers allow it; the
// elements left over, fewer than a pack, go to one thread each of the same launch. Blocks of 256:
// no shared memory, 16 registers or so, eight blocks fill an SM. A grid-stride loop was rejected:
// at these sizes it saves no launch cost and adds index arithmetic.
#include "kernels/activation.h"
#include "kernels/elements.cuh"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

struct Mask {
  static constexpr const char* kName = "relu_backward";
  __device__ static float apply(float y, float dy) { return y > 0 ? dy : 0.0f; }
};
struct Sum {
  static constexpr const char* kName = "add";
  __device__ static float apply(float x, float y) { return y + x; }
};

template <class Op, class T>
__device__ inline T combined(T from, T to) {
  return from_float<T>(Op::apply(to_float(from), to_float(to)));
}

// to[i] = Op(from[i], to[i]). The first threads take a pack each, the last few an element each.
template <class Op, class T>
__global__ void __launch_bounds__(kThreads)
    combine_packs_kernel(const T* __restrict__ from, T* __restrict__ to, int64_t count) {
  constexpr int kCount = Pack<T>::kCount;
  const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x, packs = count / kCount;
  if (thread < packs) {
    const Pack<T> a = load_pack(from + thread * kCount);
    Pack<T> b = load_pack(to + thread * kCount);
    for (int k = 0; k < kCount; k++) b.value[k] = combined<Op>(a.value[k], b.value[k]);
    store_pack(to + thread * kCount, b);
  } else if (const int64_t i = packs * kCount + (thread - packs); i < count) {
    to[i] = combined<Op>(from[i], to[i]);
  }
}

template <class Op, class T>
__global__ void __launch_bounds__(kThreads)
    combine_kernel(const T* __restrict__ from, T* __restrict__ to, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) to[i] = combined<Op>(from[i], to[i]);
}

template <class Op>
void combine(void* stream, const Tensor& from, const Tensor& to) {
  with_element(to.dtype, [&](auto element) {
    using T = decltype(element);
    const int64_t count = to.count();
    const bool packs = pack_aligned(from) && pack_aligned(to);
    const int64_t threads = packs ? count / Pack<T>::kCount + count % Pack<T>::kCount : count;
    launch(Op::kName, packs ? combine_packs_kernel<Op, T> : combine_kernel<Op, T>,
           static_cast<unsigned>(ceil_div<int64_t>(threads, kThreads)), kThreads, 0, stream,
           from.as<const T>(), to.as<T>(), count);
  });
}

}  // namespace

void relu_backward(void* stream, const Tensor& y, const Tensor& dy) {
  combine<Mask>(stream, y, dy);
}

void add(void* stream, const Tensor& x, const Tensor& y) {
  combine<Sum>(stream, x, y);
}

}  // namespace dae::cuda
