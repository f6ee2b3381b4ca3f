// Element types of kernels: a kernel is a template over float and BFloat16, computes in float, and
// moves 16 bytes at a time where addresses and counts allow it.
#pragma once

#include <type_traits>

#include "runtime/bf16.h"
#include "runtime/cuda_kernel.h"
#include "runtime/tensor.h"

namespace dae::cuda {

// N adjacent elements, 16, 8 or 4 bytes, moved as one access: by default 16, which is 4 floats or 8
// BFloat16.
template <class T, int N = 16 / sizeof(T)>
struct Pack {
  static constexpr int kCount = N;
  static constexpr size_t kBytes = N * sizeof(T);
  static_assert(kBytes == 16 || kBytes == 8 || kBytes == 4);
  using Bits =
      std::conditional_t<kBytes == 16, uint4, std::conditional_t<kBytes == 8, uint2, uint32_t>>;
  T value[N];
};

template <class T, int N = 16 / sizeof(T)>
__device__ inline Pack<T, N> load_pack(const T* at) {
  const auto bits = *reinterpret_cast<const typename Pack<T, N>::Bits*>(at);
  Pack<T, N> pack;
  memcpy(&pack, &bits, sizeof bits);
  return pack;
}
template <class T, int N>
__device__ inline void store_pack(T* at, const Pack<T, N>& pack) {
  typename Pack<T, N>::Bits bits;
  memcpy(&bits, &pack, sizeof bits);
  *reinterpret_cast<typename Pack<T, N>::Bits*>(at) = bits;
}

// V adjacent elements, moved as one access when they are a pack.
template <class T, int V>
__device__ inline void load(const T* at, T (&value)[V]) {
  if constexpr (V == 1) {
    value[0] = *at;
  } else {
    const Pack<T> pack = load_pack(at);
    for (int k = 0; k < V; k++) value[k] = pack.value[k];
  }
}
template <class T, int V>
__device__ inline void store(T* at, const T (&value)[V]) {
  if constexpr (V == 1) {
    *at = value[0];
  } else {
    Pack<T> pack;
    for (int k = 0; k < V; k++) pack.value[k] = value[k];
    store_pack(at, pack);
  }
}

inline bool pack_aligned(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0;
}

// Calls f(T{}) with the element type T of `dtype`, f32 or bf16 (the op has checked that).
template <class F>
void with_element(DType dtype, const F& f) {
  if (dtype == DType::bf16)
    f(BFloat16{});
  else
    f(float{});
}

// Calls f(T{}, V) with the element type of an image or feature map and how many adjacent channels a
// thread moves at once: a pack where `packs` (addresses allow it) and their number does, else one.
template <class F>
void with_unit(const Tensor& map, bool packs, const F& f) {
  with_element(map.dtype, [&](auto element) {
    using T = decltype(element);
    if (packs && map.shape[3] % Pack<T>::kCount == 0)
      f(element, std::integral_constant<int, Pack<T>::kCount>{});
    else
      f(element, std::integral_constant<int, 1>{});
  });
}

}  // namespace dae::cuda
