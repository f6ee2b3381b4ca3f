// Plain f32 or bf16. Floor: each part read once, y written once; merges are a few additions an element.
// What a merge touches is known when it runs, so an element's parts are indexed, and lie in shared
// memory, a column a thread: no conflicts between banks, no barrier, and no local memory, which is where
// the compiler would put an array of a thread's. A kernel for each number of parts would keep them in
// registers; the sum is a thousandth of a step. Blocks of 128, an element a thread, 32 KB a block.
#include "kernels/elements.cuh"
#include "kernels/tree_sum.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 128;

struct Order {
  const void* part[kMostTreeParts];
  TreeMerge merge[kMostTreeParts];
  int parts, merges;
};

template <class T>
__device__ inline T rounded(float x) {
  if constexpr (sizeof(T) == 2)
    return to_bf16(x);
  else
    return x;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    tree_sum_kernel(const __grid_constant__ Order order, float scale, T* y, int64_t count) {
  DAE_SHARED(T, values, kMostTreeParts * kThreads);
  T* const value = values + threadIdx.x;  // part p: value[p * kThreads]
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  for (int p = 0; p < order.parts; p++)
    value[p * kThreads] = static_cast<const T*>(order.part[p])[i];
  for (int m = 0; m < order.merges; m++) {
    T& into = value[order.merge[m].into * kThreads];
    into = rounded<T>(to_float(into) + to_float(value[order.merge[m].from * kThreads]));
  }
  y[i] = rounded<T>(scale * to_float(value[0]));
}

}  // namespace

void tree_sum(void* stream, std::span<const Tensor> parts, std::span<const TreeMerge> merges,
              float scale, const Tensor& y) {
  Order order = {};
  for (const Tensor& part : parts) order.part[order.parts++] = part.data;
  for (const TreeMerge& merge : merges) order.merge[order.merges++] = merge;
  with_element(y.dtype, [&](auto element) {
    using T = decltype(element);
    launch("tree_sum", tree_sum_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(y.count(), kThreads)), kThreads, 0, stream,
           order, scale, y.as<T>(), y.count());
  });
}

}  // namespace dae::cuda
