// Pictures degraded in known ways, for measures of sharpness: written for the tests, in fp64.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>

#include "data/synthetic.h"
#include "tests/support/quality_pairs.h"

namespace dae::test {

// Photograph-like: edges at every scale, fine stripes.
inline Picture dead_leaves(uint64_t index, int64_t side) {
  const Image image = draw_dead_leaves(6, index, side, side);
  Picture picture{side, side};
  for (const uint8_t code : image.pixels)
    picture.values.push_back(static_cast<float>(code) / 255.0f);
  return picture;
}

// Values beyond the border are the border's. Rows, then columns; the Gaussian is sampled out to six
// sigma.
inline Picture blurred(const Picture& picture, double sigma) {
  const auto radius = static_cast<int64_t>(std::ceil(6 * sigma));
  std::vector<double> taps;
  double sum = 0;
  for (int64_t k = -radius; k <= radius; k++) {
    taps.push_back(std::exp(-0.5 * double(k * k) / (sigma * sigma)));
    sum += taps.back();
  }
  std::vector<double> now(picture.values.begin(), picture.values.end());
  for (const bool along_x : {true, false}) {
    std::vector<double> next(now.size());
    for (int64_t y = 0; y < picture.height; y++)
      for (int64_t x = 0; x < picture.width; x++)
        for (int64_t c = 0; c < 3; c++) {
          double value = 0;
          for (int64_t k = -radius; k <= radius; k++) {
            const int64_t i = along_x ? y : std::clamp(y + k, int64_t{0}, picture.height - 1);
            const int64_t j = along_x ? std::clamp(x + k, int64_t{0}, picture.width - 1) : x;
            value += taps[static_cast<size_t>(k + radius)] / sum *
                     now[static_cast<size_t>((i * picture.width + j) * 3 + c)];
          }
          next[static_cast<size_t>((y * picture.width + x) * 3 + c)] = value;
        }
    now = next;
  }
  return {picture.height, picture.width, std::vector<float>(now.begin(), now.end())};
}

// Independent Gaussian noise in every value; nothing is clipped.
inline Picture noisy(const Picture& picture, double sigma, uint64_t seed) {
  std::mt19937_64 words(seed);
  std::normal_distribution<double> normal(0, sigma);
  Picture out = picture;
  for (float& value : out.values) value = static_cast<float>(value + normal(words));
  return out;
}

inline Picture scaled(const Picture& picture, double factor) {
  Picture out = picture;
  for (float& value : out.values) value = static_cast<float>(value * factor);
  return out;
}

}  // namespace dae::test
