// Which taps of a 3x3 kernel make which of the 4x4 kernel, on host and device: see
// kernels/upconv_weights.h. Along one axis the 4-taps are [w2, w1 + w2, w0 + w1, w0].
#pragma once

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

}  // namespace dae
