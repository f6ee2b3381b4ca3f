#include "laboratory/measures/sliced_wasserstein.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "runtime/error.h"
#include "runtime/parallel.h"
#include "runtime/philox.h"

namespace dae {
namespace {

constexpr int64_t kSide = 7, kSize = kSide * kSide * 3, kBases = 2;
// What the random words are for; the last word of their counter.
constexpr uint32_t kForPlaces = 0, kForDirections = 1;

// Rows are an orthonormal basis: normal numbers (Box & Muller 1958), made orthogonal by Gram and
// Schmidt, twice over, so that they are so to the last bits. All directions are equally likely.
std::vector<double> random_basis(uint64_t seed, uint32_t number) {
  std::vector<double> basis(kSize * kSize);
  for (int64_t k = 0; k < kSize * kSize; k++) {
    const PhiloxWords words =
        philox4x32({{static_cast<uint32_t>(k), number, 0, kForDirections}}, seed);
    const double u = (words.word[0] + 0.5) * 0x1p-32, v = words.word[1] * 0x1p-32;
    basis[static_cast<size_t>(k)] =
        std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  for (int64_t row = 0; row < kSize; row++) {
    double* const direction = basis.data() + row * kSize;
    const auto dot = [&](const double* other) {
      double sum = 0;
      for (int64_t k = 0; k < kSize; k++) sum += direction[k] * other[k];
      return sum;
    };
    for (int pass = 0; pass < 2; pass++)
      for (int64_t earlier = 0; earlier < row; earlier++) {
        const double* const other = basis.data() + earlier * kSize;
        const double share = dot(other);
        for (int64_t k = 0; k < kSize; k++) direction[k] -= share * other[k];
      }
    const double length = std::sqrt(dot(direction));
    for (int64_t k = 0; k < kSize; k++) direction[k] /= length;
  }
  return basis;
}

// {kSize, patches}: a patch is a column, so that a projection is a sum of rows.
std::vector<float> gather(std::span<const FloatView> set, int64_t patches, uint64_t seed) {
  if (set.empty()) fail("quality: a distance between sets of images needs an image in each");
  for (const FloatView& image : set)
    if (image.height < kSide || image.width < kSide)
      fail("quality: an image of {}x{} pixels is too small for patches of {}x{}", image.width,
           image.height, kSide, kSide);
  std::vector<float> out(static_cast<size_t>(kSize * patches));
  for (int64_t p = 0; p < patches; p++) {
    const FloatView& image = set[static_cast<size_t>(p) % set.size()];
    const PhiloxWords words = philox4x32(
        {{static_cast<uint32_t>(p), static_cast<uint32_t>(p >> 32), 0, kForPlaces}}, seed);
    // A word times the number of places, divided by 2^32: a place, each as likely to 2^-32.
    const auto place = [](uint32_t word, int64_t places) {
      return static_cast<int64_t>(uint64_t{word} * static_cast<uint64_t>(places) >> 32);
    };
    const int64_t y = place(words.word[0], image.height - kSide + 1);
    const int64_t x = place(words.word[1], image.width - kSide + 1);
    for (int64_t i = 0; i < kSide; i++)
      for (int64_t k = 0; k < kSide * 3; k++)
        out[static_cast<size_t>((i * kSide * 3 + k) * patches + p)] =
            image.data[((y + i) * image.width + x) * 3 + k];
  }
  return out;
}

std::vector<float> project(const std::vector<float>& rows, int64_t patches,
                           const double* direction) {
  std::vector<float> sums(static_cast<size_t>(patches));
  for (int64_t k = 0; k < kSize; k++) {
    const float weight = static_cast<float>(direction[k]);
    const float* const row = rows.data() + k * patches;
    for (int64_t p = 0; p < patches; p++) sums[static_cast<size_t>(p)] += weight * row[p];
  }
  std::sort(sums.begin(), sums.end());
  return sums;
}

}  // namespace

double sliced_wasserstein(std::span<const FloatView> a, std::span<const FloatView> b,
                          int64_t patches, uint64_t seed) {
  if (patches < 1)
    fail("quality: a distance between sets needs at least one patch, not {}", patches);
  const std::vector<float> rows_a = gather(a, patches, seed), rows_b = gather(b, patches, seed);
  double total = 0;
  for (uint32_t number = 0; number < kBases; number++) {
    const std::vector<double> basis = random_basis(seed, number);
    std::array<double, kSize> squares;
    parallel_chunks(kSize, 1, [&](int64_t row, int64_t) {
      const double* const direction = basis.data() + row * kSize;
      const std::vector<float> u = project(rows_a, patches, direction);
      const std::vector<float> v = project(rows_b, patches, direction);
      double sum = 0;
      for (size_t p = 0; p < u.size(); p++) sum += (double{u[p]} - v[p]) * (double{u[p]} - v[p]);
      squares[static_cast<size_t>(row)] = sum / static_cast<double>(patches);
    });
    for (const double square : squares) total += square;
  }
  return std::sqrt(total / static_cast<double>(kBases * kSize));
}

}  // namespace dae
