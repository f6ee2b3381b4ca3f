// Which taps of a 3x3 kernel make which of the kernel that works at low resolution, and where that
// lies, on host and device: see kernels/upconv_weights.h. Along one axis the 4-taps are
// [w2, w1 + w2, w0 + w1, w0].
#pragma once

#include <cstdint>

#include "runtime/host_device.h"

namespace dae {

// 3-taps first..last go into 4-tap t.
DAE_HOST_DEVICE inline int first_tap3(int t) {
  return t == 0 ? 2 : t == 1 ? 1 : 0;
}
DAE_HOST_DEVICE inline int last_tap3(int t) {
  return t == 0 || t == 1 ? 2 : t == 2 ? 1 : 0;
}

// 3-tap s goes into the two 4-taps first_tap4(s) and first_tap4(s) + 1.
DAE_HOST_DEVICE inline int first_tap4(int s) {
  return 2 - s;
}

// Where the 4-taps (u, v) from channel c to filter k lie: in {C, 4, 4, K}, or, as a phase of the
// output and a tap of its 2x2 kernel, in {4K, 2, 2, C}. Phase a has the 4-taps 3 - a and 1 - a.
DAE_HOST_DEVICE inline int64_t upconv_index(bool phases, int u, int v, int k, int c, int filters,
                                            int channels) {
  if (!phases) return ((int64_t{c} * 4 + u) * 4 + v) * filters + k;
  const int a = (3 - u) % 2, s = (3 - u) / 2, b = (3 - v) % 2, t = (3 - v) / 2;
  return ((int64_t{2 * a + b} * filters + k) * 4 + 2 * s + t) * channels + c;
}

}  // namespace dae
