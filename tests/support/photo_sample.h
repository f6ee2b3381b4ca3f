#pragma once

#include "data/photo.h"

namespace dae::test {

// The i-th sample, of 8 or 16 bits.
inline int sample(const Photo& photo, size_t i) {
  return photo.bits == 8 ? photo.samples[i]
                         : reinterpret_cast<const uint16_t*>(photo.samples.data())[i];
}

}  // namespace dae::test
