#include "laboratory/measures/sliced_wasserstein.h"

#include <gtest/gtest.h>

#include "tests/support/degraded.h"

namespace dae::test {
namespace {

std::vector<FloatView> views(const std::vector<Picture>& set) {
  std::vector<FloatView> out;
  for (const Picture& picture : set) out.push_back(picture.view());
  return out;
}

double distance(const std::vector<Picture>& a, const std::vector<Picture>& b,
                int64_t patches = 4096) {
  return sliced_wasserstein(views(a), views(b), patches);
}

std::vector<Picture> leaves(uint64_t first, uint64_t count) {
  std::vector<Picture> set;
  for (uint64_t i = 0; i < count; i++) set.push_back(dead_leaves(first + i, 64));
  return set;
}

template <class F>
std::vector<Picture> each(const std::vector<Picture>& set, const F& f) {
  std::vector<Picture> out;
  for (const Picture& picture : set) out.push_back(f(picture));
  return out;
}

Picture constant(double value, int64_t side = 9) {
  return make_picture(side, side, [=](int64_t, int64_t) { return value; });
}

TEST(SlicedWasserstein, EqualSetsAreZeroApart) {
  const std::vector<Picture> set = leaves(0, 8);
  EXPECT_EQ(distance(set, set), 0);
}

// The squares of a direction's sums over whole orthonormal bases add up to the dimensions.
TEST(SlicedWasserstein, AShiftedSetIsTheShiftApart) {
  const std::vector<Picture> set = leaves(0, 8);
  for (const double shift : {0.125, -0.03}) {
    const std::vector<Picture> moved = each(set, [=](Picture picture) {
      for (float& value : picture.values) value = static_cast<float>(value + shift);
      return picture;
    });
    EXPECT_NEAR(distance(set, moved), std::abs(shift), 1e-6);
  }
}

// A shift of one channel alone moves a third of the dimensions.
TEST(SlicedWasserstein, IsARootMeanSquareOverThePatch) {
  const std::vector<Picture> grey = {constant(0.5)};
  std::vector<Picture> red = grey;
  for (size_t i = 0; i < red[0].values.size(); i += 3) red[0].values[i] += 0.25f;
  EXPECT_NEAR(distance(grey, red, 16), 0.25 / std::sqrt(3), 1e-6);
}

// Patches of constant pictures lie on one line, where the distance is that of the sorted values.
TEST(SlicedWasserstein, OfConstantPicturesIsThatOfTheirValues) {
  const std::vector<Picture> a = {constant(0.9), constant(0.1), constant(0.5)};
  const std::vector<Picture> b = {constant(0.2), constant(0.8), constant(0.8)};
  const double squares = 0.1 * 0.1 + 0.3 * 0.3 + 0.1 * 0.1;
  EXPECT_NEAR(distance(a, b, 300), std::sqrt(squares / 3), 1e-6);
}

// White noise is a ball in all dimensions; two balls are as far apart as their radii.
TEST(SlicedWasserstein, OfGaussiansIsTheDifferenceOfSigmas) {
  std::vector<Picture> a, b;
  for (uint64_t i = 0; i < 16; i++) {
    a.push_back(noisy(constant(0.5, 64), 0.1, i));
    b.push_back(noisy(constant(0.5, 64), 0.25, 100 + i));
  }
  EXPECT_NEAR(distance(a, b), 0.15, 0.005);
}

TEST(SlicedWasserstein, GrowsWithBlurAndNoise) {
  const std::vector<Picture> set = leaves(0, 8);
  double last = 0.001;
  for (const double sigma : {0.5, 1.0, 1.5, 2.0}) {
    const double now =
        distance(set, each(set, [=](const Picture& p) { return blurred(p, sigma); }));
    EXPECT_GT(now, 1.2 * last) << "blur " << sigma;
    last = now;
  }
  last = 0.001;
  for (const double sigma : {0.05, 0.1, 0.2}) {
    const double now =
        distance(set, each(set, [=](const Picture& p) { return noisy(p, sigma, 1); }));
    EXPECT_GT(now, 1.5 * last) << "noise " << sigma;
    last = now;
  }
}

TEST(SlicedWasserstein, DependsOnSeedAndPatchesAlone) {
  const std::vector<Picture> a = leaves(0, 3), b = leaves(3, 4);
  const double got = sliced_wasserstein(views(a), views(b), 256, 7);
  EXPECT_EQ(got, sliced_wasserstein(views(a), views(b), 256, 7));
  EXPECT_NE(got, sliced_wasserstein(views(a), views(b), 256, 8));
}

TEST(SlicedWasserstein, RefusesWhatHasNoPatch) {
  const std::vector<Picture> set = {constant(0.5)}, small = {constant(0.5, 6)};
  EXPECT_THROW(distance(set, {}), std::exception);
  EXPECT_THROW(distance({}, set), std::exception);
  EXPECT_THROW(distance(set, small), std::exception);
  EXPECT_THROW(distance(set, set, 0), std::exception);
}

}  // namespace
}  // namespace dae::test
