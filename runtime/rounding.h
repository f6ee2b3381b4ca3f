// Whole numbers of pieces: how many cover n, and up to where those reach.
#pragma once

#include <type_traits>

#include "runtime/host_device.h"

namespace dae {

// The least whole number of pieces of `size` > 0 that cover n >= 0; n + size - 1 must be no overflow.
template <class T>
DAE_HOST_DEVICE constexpr T ceil_div(T n, std::type_identity_t<T> size) {
  return (n + size - 1) / size;
}

// The least multiple of `size` > 0 that is at least n >= 0; n + size - 1 must be no overflow.
template <class T>
DAE_HOST_DEVICE constexpr T round_up(T n, std::type_identity_t<T> size) {
  return ceil_div(n, size) * size;
}

}  // namespace dae
