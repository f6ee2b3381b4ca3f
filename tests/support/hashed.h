// Numbers and first weights made of a hash of their index, so that fixtures hold results only.
#pragma once

#include <cstdint>
#include <vector>

#include "model/parameters.h"

namespace dae::test {

// Uniform in (-1, 1), as hashed() in make_training_fixtures.py.
inline double hashed(uint64_t stream, uint64_t index) {
  uint64_t z = ((stream << 32) + index + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return ((z >> 40) + 0.5) / (1 << 23) - 1;
}

// The buffer of all weights, as Net.weight() there.
inline std::vector<float> hashed_weights(const ParameterSet& parameters) {
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  for (size_t i = 0; i < parameters.list().size(); i++) {
    const Parameter& p = parameters.list()[i];
    const bool bias = p.shape.rank() == 1;
    for (int64_t e = 0; e < p.shape.count(); e++)
      weights[p.offset + e] = static_cast<float>(hashed(i + 10, e) * (bias ? 0.1 : p.bound));
  }
  return weights;
}

}  // namespace dae::test
