// The border rule of the whole project: reflect without repeating the edge pixel (OpenCV's
// BORDER_REFLECT_101, numpy's "reflect").
#pragma once

#include <type_traits>

#include "runtime/host_device.h"

namespace dae {

// The index in [0, n) at which a row of n pixels is read for position i, however far outside:
// for n = 4, positions -3 .. 6 read 3 2 1 0 1 2 3 2 1 0. A single pixel is read everywhere. Index is
// int64_t or int32_t, which a GPU divides faster.
template <class Index>
DAE_HOST_DEVICE Index reflect(Index i, std::type_identity_t<Index> n) {
  if (i >= 0 && i < n) return i;  // nearly always, and a division is slow
  if (n == 1) return 0;
  const Index period = 2 * (n - 1);
  i = ((i % period) + period) % period;
  return i < n ? i : period - i;
}

}  // namespace dae
