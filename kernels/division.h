// Divisions that no compiler has to make, on every device: of bytes by 255, and of an element's
// number by a size that is known when a kernel is launched.
//
// On a GPU a division of f32 is a check and a call for the numbers that its fast path cannot take,
// and a division of 64-bit integers some seventy instructions and a call. Calls keep loads from
// being moved ahead of them, which is what a kernel bound by memory lives on.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "runtime/host_device.h"

namespace dae {

// k / 255 correctly rounded, for whole k up to 255 * 256 in size (tests check each). 1 / 255 is cut
// in two: the products of the larger part, 257 / 2^16, with such k are exact, and the rest is 2^16
// times smaller; so what the last addition rounds is right to 2^-39 of itself, while no such k /
// 255 lies closer than 2^-33 to the middle between two floats. The product with 1 / 255 rounded, by
// contrast, is wrong for 126 of the 256 bytes.
inline constexpr float kMostOf255th = 0x1.01p-8f;
inline constexpr float kRestOf255th = static_cast<float>(1.0 / 255 - 257.0 / 65536);
DAE_HOST_DEVICE inline float over_255(float k) {
#ifdef __CUDA_ARCH__  // an instruction less: the first product is exact, so fused it has the same bits
  return std::fma(k, kMostOf255th, k * kRestOf255th);
#else
  return k * kMostOf255th + k * kRestOf255th;
#endif
}

// A size d >= 1 that numbers 0 <= n < 2^63 are divided by: n / d = floor(n m / 2^(63 + s)) with s =
// ceil(log2 d) and m = floor(2^(63 + s) / d) + 1, exactly (Granlund & Montgomery, 1994): m exceeds
// the quotient by e <= 1, and n e / 2^(63 + s) < 1 / d, too little to reach the next whole number.
class Divisor {
 public:
  struct Parts {
    int64_t quotient, rest;
  };

  Divisor(int64_t divisor)  // 0, a side of an empty tensor, divides nothing: taken for 1
      : divisor_(divisor > 0 ? divisor : 1),
        shift_(std::bit_width(static_cast<uint64_t>(divisor_ - 1))),
        multiplier_(
            static_cast<uint64_t>((Wide{1} << (63 + shift_)) / static_cast<Wide>(divisor_)) + 1) {}

  DAE_HOST_DEVICE int64_t value() const { return divisor_; }

  // n / d and n % d.
  DAE_HOST_DEVICE Parts split(int64_t n) const {
    const auto twice = static_cast<uint64_t>(n) * 2;
    const auto quotient =
        static_cast<int64_t>(static_cast<uint64_t>((Wide{twice} * multiplier_) >> 64) >> shift_);
    return {quotient, n - quotient * divisor_};
  }

 private:
  using Wide = unsigned __int128;

  int64_t divisor_;
  int shift_;
  uint64_t multiplier_;
};

}  // namespace dae
