#include "data/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "runtime/philox.h"

namespace dae {
namespace {

constexpr double kSmallest = 2, kLargest = 120;  // radii, pixels
constexpr int kMostDiscs = 20000;

// The uniform numbers of disc `disc` in picture `index`: the same on every machine.
std::array<double, 12> uniforms(uint64_t seed, uint64_t index, uint32_t disc) {
  std::array<double, 12> u;
  for (uint32_t block = 0; block < 3; block++) {
    const PhiloxWords words = philox4x32(
        {{disc, block, static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)}}, seed);
    for (size_t k = 0; k < 4; k++) u[4 * block + k] = (words.word[k] + 0.5) * 0x1p-32;
  }
  return u;
}

struct Disc {
  double y, x, radius;
  double colour[3];
  double slope_y, slope_x;  // shading across the disc
  double frequency, angle, contrast;

  explicit Disc(const std::array<double, 12>& u, int64_t height, int64_t width) {
    // The inverse of the distribution with density r^-3 between the two radii.
    const double a = 1 / (kSmallest * kSmallest), b = 1 / (kLargest * kLargest);
    radius = 1 / std::sqrt(a - u[0] * (a - b));
    y = -radius + u[1] * (static_cast<double>(height) + 2 * radius);
    x = -radius + u[2] * (static_cast<double>(width) + 2 * radius);
    // A brightness and a weaker colour around it, as in photographs.
    const double grey = 0.04 + 0.92 * u[3] * u[3] * (3 - 2 * u[3]);
    for (size_t c = 0; c < 3; c++) colour[c] = std::clamp(grey * (0.7 + 0.6 * u[4 + c]), 0.0, 1.0);
    slope_y = 0.25 * (u[7] - 0.5) / radius;
    slope_x = 0.25 * (u[8] - 0.5) / radius;
    frequency = 2 * std::numbers::pi / (3 + 9 * u[9]);
    angle = std::numbers::pi * u[10];
    contrast = u[11] < 0.5 ? 0 : 0.3 * (u[11] - 0.5);
  }
};

}  // namespace

// From the front to the back: a pixel takes what the discs in front leave uncovered, and drawing
// ends when nothing is left, so a picture costs what can be seen of it.
Image draw_dead_leaves(uint64_t seed, uint64_t index, int64_t height, int64_t width) {
  const auto count = static_cast<size_t>(height * width);
  std::vector<double> colour(3 * count);
  std::vector<double> uncovered(count, 1.0);
  double left = static_cast<double>(count);
  for (uint32_t number = 0; number < kMostDiscs && left > 1e-3 * double(count); number++) {
    const Disc disc(uniforms(seed, index, number), height, width);
    const double sine = std::sin(disc.angle), cosine = std::cos(disc.angle);
    const auto from = [&](double at) {
      return std::max<int64_t>(0, std::lround(at - disc.radius - 1));
    };
    const auto to = [&](double at, int64_t size) {
      return std::min<int64_t>(size, std::lround(at + disc.radius + 1) + 1);
    };
    for (int64_t i = from(disc.y); i < to(disc.y, height); i++)
      for (int64_t j = from(disc.x); j < to(disc.x, width); j++) {
        const size_t pixel = static_cast<size_t>(i * width + j);
        if (uncovered[pixel] <= 0) continue;
        const double dy = double(i) - disc.y, dx = double(j) - disc.x;
        // Coverage falls from one to zero over the pixel that the edge crosses.
        const double cover = std::clamp(disc.radius - std::sqrt(dy * dy + dx * dx) + 0.5, 0.0, 1.0);
        if (cover <= 0) continue;
        const double share = cover * uncovered[pixel];
        const double shade = 1 + disc.slope_y * dy + disc.slope_x * dx +
                             disc.contrast * std::sin(disc.frequency * (cosine * dx + sine * dy));
        for (size_t c = 0; c < 3; c++) colour[3 * pixel + c] += share * disc.colour[c] * shade;
        uncovered[pixel] -= share;
        left -= share;
        if (uncovered[pixel] < 1e-3) uncovered[pixel] = 0;
      }
  }
  Image image{height, width, std::vector<uint8_t>(3 * count)};
  for (size_t i = 0; i < colour.size(); i++) {
    // What no disc covered is mid-grey.
    const double value = colour[i] + 0.5 * uncovered[i / 3];
    image.pixels[i] = static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
  }
  return image;
}

}  // namespace dae
