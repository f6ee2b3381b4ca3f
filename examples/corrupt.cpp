// corrupt: corrupts a batch of grey pictures by noise alone, and part of it again to the same bits.
#include <dae/corruption.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  constexpr int64_t kBatch = 8, kSide = 64, kElements = kSide * kSide * 3;
  const std::vector<uint8_t> pictures(kBatch * kElements, 128);
  std::vector<float> corrupted(pictures.size()), again(kElements);

  const dae::Range off{.present = false};
  dae::Corruption corruption({.noise = {25, 25},
                              .blur = off,
                              .brightness = off,
                              .channel = off,
                              .clip = false,
                              .quantize = false});
  corruption.apply(pictures.data(), kBatch, kSide, kSide, corrupted.data(), {.seed = 7, .step = 3});

  double square = 0;
  for (const float value : corrupted) square += std::pow(255 * value - 128, 2);
  const double noise = std::sqrt(square / double(corrupted.size()));

  // Picture 5 alone: what is drawn depends on seed, step and place, not on the batch.
  corruption.apply(pictures.data(), 1, kSide, kSide, again.data(),
                   {.seed = 7, .step = 3, .first = 5});
  const bool same = std::equal(again.begin(), again.end(), corrupted.begin() + 5 * kElements);
  std::printf("noise of %.1f / 255; picture 5 again: %s\n", noise, same ? "the same" : "another");
  return same ? 0 : 1;
}
