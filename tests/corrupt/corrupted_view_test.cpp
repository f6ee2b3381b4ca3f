// Which views of some pictures stand for them, and how each is degraded.
#include "corrupt/corrupted_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <tuple>

#include "tests/support/corrupt_run.h"

namespace dae::test {
namespace {

using Rectangle = std::tuple<int64_t, int32_t, int32_t>;
Rectangle rectangle(const View& view) {
  return {view.image, view.y, view.x};
}

// Only their sizes are looked at.
const std::vector<Source> kLarge = {
    {.height = 200, .width = 300}, {.height = 260, .width = 180}, {.height = 190, .width = 210}};

TEST(FixedViews, GoRoundThePicturesAndShowNothingTwice) {
  const std::vector<View> views = fixed_views(kLarge, 32, 4, 100, 5);
  ASSERT_EQ(views.size(), 12u);
  std::set<Rectangle> seen;
  for (size_t i = 0; i < views.size(); i++) {
    const View& view = views[i];
    EXPECT_EQ(view.image, static_cast<int64_t>(i % 3));
    EXPECT_FALSE(view.flip);
    EXPECT_GE(view.y, 0);
    EXPECT_GE(view.x, 0);
    EXPECT_LE(view.y + 32, kLarge[i % 3].height);
    EXPECT_LE(view.x + 32, kLarge[i % 3].width);
    seen.insert(rectangle(view));
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(FixedViews, ALimitLeavesTheFirstOfThem) {
  const std::vector<View> all = fixed_views(kLarge, 32, 4, 12, 5);
  for (const int64_t most : {0, 2, 3, 4, 11}) {
    const std::vector<View> views = fixed_views(kLarge, 32, 4, most, 5);
    ASSERT_EQ(views.size(), static_cast<size_t>(most));
    for (size_t i = 0; i < views.size(); i++) EXPECT_EQ(rectangle(views[i]), rectangle(all[i]));
  }
  const std::vector<View> others = fixed_views(kLarge, 32, 4, 12, 6);
  for (size_t i = 0; i < all.size(); i++)
    EXPECT_NE(rectangle(others[i]), rectangle(all[i])) << "of another seed";
}

// The first picture is one of a pair: of its views is told how far the pair is apart there.
TEST(FixedDraws, AreThoseOfEvaluationButForWhatAPairIsTold) {
  constexpr int64_t kSize = 16;
  const Picture clean(30, 40, 1), given(30, 40, 2), alone(30, 40, 3);
  std::vector<Source> sources = {clean.source(), alone.source()};
  sources[0].given = given.pixels.data();
  const CorruptSpec spec{.shot = {5, 40}, .jpeg = {10, 90}, .order = Order::camera};
  const std::vector<View> views = {{1, 0, 24}, {0, 3, 5}, {0, 14, 0}, {1, 3, 5}};
  const std::vector<Draw> draws = fixed_draws(spec, 9, sources, kSize, views);
  ASSERT_EQ(draws.size(), views.size());
  for (size_t i = 0; i < views.size(); i++) {
    SCOPED_TRACE(i);
    const View& view = views[i];
    const Draw want = draw_evaluation(spec, 9, static_cast<int64_t>(i), view);
    EXPECT_EQ(rectangle(draws[i].view), rectangle(view));
    EXPECT_EQ(draws[i].view.flip, view.flip);
    EXPECT_EQ(std::memcmp(&draws[i].degradation, &want.degradation, sizeof(Degradation)), 0);
    EXPECT_EQ(std::memcmp(&draws[i].noise, &want.noise, sizeof(NoiseStream)), 0);
    if (view.image == 1) {
      EXPECT_EQ(draws[i].told, want.told);
      continue;
    }
    double sum = 0;
    for (int64_t y = view.y; y < view.y + kSize; y++)
      for (int64_t at = 3 * view.x; at < 3 * (view.x + kSize); at++) {
        const auto element = static_cast<size_t>(y * 3 * 40 + at);
        sum += std::pow((given.pixels[element] - clean.pixels[element]) / 255.0, 2);
      }
    EXPECT_NEAR(draws[i].told, std::sqrt(sum / (3 * kSize * kSize)), 1e-6);
  }
}

}  // namespace
}  // namespace dae::test
