// bfloat16: a float's upper sixteen bits, 8 of them the exponent and 8 (one implied) the fraction.
// It is storage only: kernels widen it to float, compute, and round once on the way back.
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/host_device.h"

namespace dae {

struct BFloat16 {
  uint16_t bits;
};

DAE_HOST_DEVICE inline float to_float(float value) {
  return value;
}
DAE_HOST_DEVICE inline float to_float(BFloat16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// To nearest, ties to even; NaN becomes the one that the hardware gives. The same bits everywhere.
DAE_HOST_DEVICE inline BFloat16 to_bf16(float value) {
#ifdef __CUDA_ARCH__
  BFloat16 rounded;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded.bits) : "f"(value));
  return rounded;
#else
  if (value != value) return {0x7fff};
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return {static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
#endif
}

// The value as element type T: float or BFloat16.
template <class T>
DAE_HOST_DEVICE T from_float(float value);
template <>
DAE_HOST_DEVICE inline float from_float<float>(float value) {
  return value;
}
template <>
DAE_HOST_DEVICE inline BFloat16 from_float<BFloat16>(float value) {
  return to_bf16(value);
}

}  // namespace dae
