// One element of a pixel loss, on every device.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/division.h"

namespace dae {

// Elements a partial sum is of: a chunk fits f32's 24 bits.
inline constexpr int64_t kPixelLossChunk = 3072;

struct PixelTerm {
  float value, slope;  // slope: count times the derivative of the mean
};

struct SquaredError {
  DAE_HOST_DEVICE static PixelTerm of(float error) { return {error * error, 2 * error}; }
};
struct AbsoluteError {
  DAE_HOST_DEVICE static PixelTerm of(float error) {
    return {std::fabs(error), static_cast<float>((error > 0) - (error < 0))};
  }
};

DAE_HOST_DEVICE inline float pixel_error(float y, unsigned char target) {
  return y - over_255(target);
}

}  // namespace dae
