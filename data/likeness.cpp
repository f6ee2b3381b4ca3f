#include "data/likeness.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/hash.h"

namespace dae {
namespace {

constexpr int kSide = Likeness::kSide, kCells = kSide * kSide, kCoarse = 8;
constexpr double kLeastContrast = 3;  // standard deviation of a thumbnail that shows anything
// Bits of 64 in which the signs of thumbnails that are alike may differ: a cheap question first.
constexpr int kMostBits = 20;

// A thumbnail less its mean, of length one, and which of its 8x8 cells are above the mean.
struct Shape {
  std::array<float, kCells> values = {};
  uint64_t signs = 0;
  bool shows_something = false;
};

Shape shape_of(const uint8_t* thumbnail, bool mirrored) {
  Shape shape;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCells; i++) {
    const int x = i % kSide;
    const double value = thumbnail[mirrored ? i - x + (kSide - 1 - x) : i];
    shape.values[static_cast<size_t>(i)] = static_cast<float>(value);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kCells, length = std::sqrt(std::max(0.0, squares - sum * mean));
  shape.shows_something = length >= kLeastContrast * kSide;
  for (float& value : shape.values)
    value = length > 0 ? static_cast<float>((value - mean) / length) : 0;
  for (size_t i = 0; i < kCoarse * kCoarse; i++) {
    const float* const v = &shape.values[i / kCoarse * 2 * kSide + i % kCoarse * 2];
    if (v[0] + v[1] + v[kSide] + v[kSide + 1] > 0) shape.signs |= uint64_t{1} << i;
  }
  return shape;
}

bool alike(const Shape& a, const Shape& b) {
  if (std::popcount(a.signs ^ b.signs) > kMostBits) return false;
  return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0f) >= kAlike;
}

// Groups that are joined pair by pair; each is known by its smallest member.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), int64_t{0});
  }
  int64_t find(int64_t i) {
    while (parent_[static_cast<size_t>(i)] != i) {
      int64_t& up = parent_[static_cast<size_t>(i)];
      i = up = parent_[static_cast<size_t>(up)];
    }
    return i;
  }
  void join(int64_t i, int64_t j) {
    const int64_t a = find(i), b = find(j);
    parent_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<int64_t> parent_;
};

void join_alike(std::span<const LikenessView> pictures, Groups& groups) {
  std::vector<Shape> shapes, mirrored;
  for (const LikenessView& picture : pictures) {
    shapes.push_back(shape_of(picture.thumbnail, false));
    mirrored.push_back(shape_of(picture.thumbnail, true));
  }
  const auto count = static_cast<int64_t>(pictures.size());
#pragma omp parallel for schedule(dynamic)
  for (int64_t i = 0; i < count; i++) {
    const auto a = static_cast<size_t>(i);
    if (!shapes[a].shows_something) continue;
    for (size_t b = a + 1; b < pictures.size(); b++)
      if (shapes[b].shows_something &&
          (alike(shapes[a], shapes[b]) || alike(mirrored[a], shapes[b]))) {
#pragma omp critical
        groups.join(i, static_cast<int64_t>(b));
      }
  }
}

}  // namespace

uint64_t content_of(ByteView picture) {
  Hash hash;
  hash.add_number(picture.height);
  hash.add_number(picture.width);
  hash.add(picture.data, static_cast<size_t>(picture.count()));
  return hash.value();
}

Likeness likeness_of(ByteView picture) {
  Likeness likeness;
  likeness.content = content_of(picture);
  const auto begin = [](int64_t i, int64_t length) { return i * length / kSide; };
  const auto end = [&](int64_t i, int64_t length) {
    return std::max(begin(i + 1, length), begin(i, length) + 1);
  };
  for (int64_t i = 0; i < kCells; i++) {
    const int64_t row = i / kSide, column = i % kSide;
    int64_t sum = 0, count = 0;
    for (int64_t y = begin(row, picture.height); y < end(row, picture.height); y++)
      for (int64_t x = begin(column, picture.width); x < end(column, picture.width); x++, count++) {
        const uint8_t* const p = &picture.data[(y * picture.width + x) * 3];
        sum += 77 * p[0] + 150 * p[1] + 29 * p[2];  // Rec. 601, in 256ths
      }
    likeness.thumbnail[static_cast<size_t>(i)] = static_cast<uint8_t>(sum / count / 256);
  }
  return likeness;
}

namespace {

std::vector<int64_t> numbers_of(Groups& groups, size_t count) {
  std::vector<int64_t> numbers(count);
  for (size_t i = 0; i < count; i++) numbers[i] = groups.find(static_cast<int64_t>(i));
  return numbers;
}

void join_equal(std::span<const LikenessView> pictures, Groups& groups) {
  std::vector<std::pair<uint64_t, int64_t>> by_content;
  by_content.reserve(pictures.size());
  for (size_t i = 0; i < pictures.size(); i++)
    by_content.emplace_back(pictures[i].content, static_cast<int64_t>(i));
  std::sort(by_content.begin(), by_content.end());
  for (size_t i = 1; i < by_content.size(); i++)
    if (by_content[i].first == by_content[i - 1].first)
      groups.join(by_content[i - 1].second, by_content[i].second);
}

}  // namespace

std::vector<int64_t> groups_of_equal(std::span<const LikenessView> pictures) {
  Groups groups(pictures.size());
  join_equal(pictures, groups);
  return numbers_of(groups, pictures.size());
}

std::vector<int64_t> groups_of_copies(std::span<const LikenessView> pictures) {
  Groups groups(pictures.size());
  join_equal(pictures, groups);
  if (static_cast<int64_t>(pictures.size()) <= kMostCompared) join_alike(pictures, groups);
  return numbers_of(groups, pictures.size());
}

}  // namespace dae
