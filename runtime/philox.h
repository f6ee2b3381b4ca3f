// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011). Four words come from a counter of four words and a key of
// two; there is no state, so any word of any step can be computed alone, in any order, on any
// device. Integer arithmetic only: the words are the same everywhere.
#pragma once

#include <cstdint>

#include "runtime/host_device.h"

namespace dae {

struct PhiloxWords {
  uint32_t word[4];
};

namespace philox {
inline constexpr int kRounds = 10;
inline constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;  // what a round adds to the key
}  // namespace philox

// In place, of N counters at once, whose rounds share their keys. The seed is the key, low word first.
template <int N>
DAE_HOST_DEVICE inline void philox4x32(PhiloxWords (&counter)[N], uint64_t seed) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < philox::kRounds; round++) {
    for (int i = 0; i < N; i++) {
      uint32_t(&c)[4] = counter[i].word;
      const uint64_t product0 = uint64_t{philox::kMultiplier0} * c[0];
      const uint64_t product1 = uint64_t{philox::kMultiplier1} * c[2];
      c[0] = static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ key0;
      c[1] = static_cast<uint32_t>(product1);
      c[2] = static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ key1;
      c[3] = static_cast<uint32_t>(product0);
    }
    key0 += philox::kWeyl0;
    key1 += philox::kWeyl1;
  }
}

DAE_HOST_DEVICE inline PhiloxWords philox4x32(const PhiloxWords& counter, uint64_t seed) {
  PhiloxWords words[1] = {counter};
  philox4x32(words, seed);
  return words[0];
}

}  // namespace dae
