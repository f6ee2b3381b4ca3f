// Copies under other names are found, and different pictures are not taken for copies.
#include "data/likeness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "data/image.h"
#include "data/synthetic.h"

namespace dae::test {
namespace {

constexpr int64_t kHeight = 90, kWidth = 130;

Image scene(uint64_t index) {
  return draw_dead_leaves(3, index, kHeight, kWidth);
}

std::vector<int64_t> groups(const std::vector<Image>& images) {
  std::vector<Likeness> pictures;
  for (const Image& image : images) pictures.push_back(likeness_of(image.view()));
  return groups_of_copies(std::vector<LikenessView>(pictures.begin(), pictures.end()));
}

template <class F>
Image changed(Image image, const F& f) {
  for (uint8_t& p : image.pixels)
    p = static_cast<uint8_t>(std::clamp(f(double{p * 1.0}), 0.0, 255.0));
  return image;
}

Image mirrored(const Image& image) {
  Image out = image;
  for (int64_t y = 0; y < image.height; y++)
    for (int64_t x = 0; x < image.width; x++)
      std::copy_n(&image.pixels[static_cast<size_t>((y * image.width + x) * 3)], 3,
                  &out.pixels[static_cast<size_t>((y * image.width + image.width - 1 - x) * 3)]);
  return out;
}

TEST(Likeness, CopiesAreOfOneGroup) {
  std::mt19937 words(1);
  std::normal_distribution<double> noise(0, 25);
  std::vector<Image> images;
  for (uint64_t i = 0; i < 6; i++) images.push_back(scene(i));
  const Image original = images[2];  // a copy: the vector grows
  images.push_back(original);
  images.push_back(area_downscale(original, kWidth / 2));
  images.push_back(changed(original, [](double p) { return 1.3 * p; }));
  images.push_back(changed(original, [](double p) { return 255 * std::pow(p / 255, 1.5); }));
  images.push_back(changed(original, [&](double p) { return p + noise(words); }));
  images.push_back(mirrored(original));
  EXPECT_EQ(groups(images), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 2, 2, 2, 2, 2, 2}));
}

TEST(Likeness, DifferentPicturesAreNot) {
  std::vector<Image> images;
  std::vector<int64_t> alone;
  for (uint64_t i = 0; i < 150; i++) {
    images.push_back(scene(i));
    alone.push_back(static_cast<int64_t>(i));
  }
  EXPECT_EQ(groups(images), alone);
}

// Of which a thumbnail says nothing: two grey walls are two pictures, the same wall twice is one.
TEST(Likeness, PicturesWithoutStructureAreComparedExactly) {
  std::mt19937 words(2);
  std::vector<Image> walls;
  for (int i = 0; i < 3; i++) {
    Image wall{40, 40, std::vector<uint8_t>(4800, 128)};
    for (uint8_t& p : wall.pixels) p = static_cast<uint8_t>(p + words() % 3);
    walls.push_back(wall);
  }
  walls.push_back(walls[1]);
  EXPECT_EQ(groups(walls), (std::vector<int64_t>{0, 1, 2, 1}));
}

// The first and the last are alike, and the others show nothing. Of one more than that, equal ones
// alone are found.
TEST(Likeness, UpToTwentyThousandPicturesAreCompared) {
  const Likeness leaves = likeness_of(scene(1).view()), nothing;
  for (const size_t count : {size_t{20000}, size_t{20001}}) {
    std::vector<LikenessView> pictures;
    for (size_t i = 0; i < count; i++) pictures.emplace_back(i, nothing.thumbnail.data());
    pictures.front().thumbnail = pictures.back().thumbnail = leaves.thumbnail.data();
    std::vector<int64_t> wanted(count);
    std::iota(wanted.begin(), wanted.end(), int64_t{0});
    if (count == 20000) wanted.back() = 0;
    EXPECT_TRUE(groups_of_copies(pictures) == wanted) << count;
  }
}

// 77, 150 and 29 parts in 256 of red, green and blue (Rec. 601), rounded down.
TEST(Likeness, AThumbnailIsBrightness) {
  const auto brightness = [](const std::vector<uint8_t>& colour) {
    return int{likeness_of(Image{1, 1, colour}.view()).thumbnail[0]};
  };
  EXPECT_EQ(brightness({255, 0, 0}), 76);
  EXPECT_EQ(brightness({0, 255, 0}), 149);
  EXPECT_EQ(brightness({0, 0, 255}), 28);
}

TEST(Likeness, PicturesSmallerThanAThumbnail) {
  const std::vector<Image> images = {
      {1, 1, {10, 20, 30}}, {1, 1, {10, 20, 30}}, {1, 1, {10, 20, 31}}};
  EXPECT_EQ(groups(images), (std::vector<int64_t>{0, 0, 2}));
  EXPECT_TRUE(groups({}).empty());
}

}  // namespace
}  // namespace dae::test
