// What a validation says, worked out again from the views that it restores.
#include "train/validation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "corrupt/corrupted_view.h"
#include "data/synthetic.h"
#include "report/sheet.h"

namespace dae::test {
namespace {

constexpr int64_t kSize = 16, kViews = 64;

// A validation, and beside it what restores the same views in batches of its size or another.
class ValidationTest : public testing::Test {
 protected:
  ValidationTest() {
    for (uint64_t i = 0; i < 3; i++) images_.push_back(draw_dead_leaves(5, i, 40, 48));
    images_[1].pixels.assign(images_[1].pixels.size(), 128);  // much closer to what is restored
    for (const Image& image : images_) sources_.push_back(source_of(image.view()));
    validation_.emplace(Device::cpu, network_, spec_, sources_);
  }
  ViewRestorer restorer(int64_t batch) {
    return {Device::cpu, network_, parameters_, flags_of(spec_), batch, kSize, kSize};
  }
  // In one arena, by turns: the validation first.
  void attach_validation_beside(const ViewRestorer& other) {
    weights_.resize(static_cast<size_t>(parameters_.count()));
    parameters_.initialize(3, weights_.data());
    arena_ = Buffer(Device::cpu, std::max(validation_->arena_bytes(), other.arena_bytes()));
    validation_->attach(arena_.data(), validation_->arena_bytes(), weights_.data());
  }
  void attach(ViewRestorer& other) {
    other.attach(arena_.data(), other.arena_bytes(), weights_.data(), sources_);
  }
  std::vector<Draw> draws() const {
    const std::vector<View> views =
        fixed_views(sources_, kSize, views_an_image(kViews, 3), kViews, kValidationSeed);
    EXPECT_EQ(views.size(), size_t{kViews});
    return fixed_draws(spec_, kValidationSeed, sources_, kSize, views);
  }

  const NetworkConfig network_{.size = kSize, .width = 4, .blocks = 1};
  const CorruptSpec spec_;
  std::vector<Image> images_;
  std::vector<Source> sources_;
  std::optional<Validation> validation_;
  ParameterSet parameters_;
  std::vector<float> weights_;
  Buffer arena_;
};

// The mean of the views' PSNR, each of what a file would hold: not that of their pooled error.
TEST_F(ValidationTest, IsTheMeanOverItsViews) {
  ViewRestorer all_at_once = restorer(kViews);
  attach_validation_beside(all_at_once);
  const double got = validation_->psnr();
  attach(all_at_once);
  double mean = 0, pooled = 0;
  all_at_once.run(draws(), [&](size_t, const ViewRestorer::Views& all) {
    for (int64_t v = 0; v < all.count; v++) {
      const ByteView clean = all.clean_view(v);
      const FloatView restored = all.restored_view(v);
      double square = 0;
      for (int64_t i = 0; i < clean.count(); i++)
        square +=
            std::pow(std::clamp(double{restored.data[i]}, 0.0, 1.0) - clean.data[i] / 255.0, 2);
      square /= static_cast<double>(clean.count());
      mean -= 10 * std::log10(square) / kViews;
      pooled += square / kViews;
    }
  });
  EXPECT_NEAR(got, mean, 1e-4);
  EXPECT_GT(mean, -10 * std::log10(pooled) + 0.1) << "views that are all alike say nothing";
}

Image rounded(FloatView view) {
  Image image{view.height, view.width, {}};
  for (int64_t i = 0; i < view.count(); i++)
    image.pixels.push_back(
        static_cast<uint8_t>(std::lround(std::clamp(view.data[i], 0.0f, 1.0f) * 255)));
  return image;
}

// A row a view, of six views.
TEST_F(ValidationTest, SamplesAreCleanCorruptedRestoredAndTheirDifference) {
  ViewRestorer same = restorer(16);  // beside others a view may be rounded otherwise
  attach_validation_beside(same);
  const Image got = validation_->samples();
  attach(same);
  std::vector<Draw> first = draws();
  first.resize(6);
  std::vector<Cell> cells;
  same.run(first, [&](size_t, const ViewRestorer::Views& views) {
    for (int64_t v = 0; v < views.count; v++) {
      const ByteView given = views.clean_view(v);
      const Image clean{kSize, kSize, {given.data, given.data + given.count()}},
          corrupted = rounded(views.corrupted_view(v)), restored = rounded(views.restored_view(v));
      EXPECT_NE(corrupted.pixels, clean.pixels);
      EXPECT_NE(restored.pixels, corrupted.pixels);
      Image apart = clean;
      for (size_t i = 0; i < clean.pixels.size(); i++)
        apart.pixels[i] = static_cast<uint8_t>(
            std::min(4 * std::abs(int{restored.pixels[i]} - int{clean.pixels[i]}), 255));
      cells.insert(cells.end(), {{clean, ""}, {corrupted, ""}, {restored, ""}, {apart, ""}});
    }
  });
  ASSERT_EQ(cells.size(), 24u);
  const char* const names[] = {"clean", "corrupted", "restored", "difference x4"};
  for (size_t i = 0; i < 4; i++) cells[i].label = names[i];
  const Image want = draw_sheet(cells, 4, 2);
  ASSERT_EQ(got.height, want.height);
  ASSERT_EQ(got.width, want.width);
  EXPECT_EQ(got.pixels, want.pixels);
}

TEST(ValidationSheet, CropsOfUpTo96PixelsAreShownTwiceAsLarge) {
  const Image picture = draw_dead_leaves(5, 0, 112, 112);
  for (const auto& [size, zoom] : {std::pair<int64_t, int>{96, 2}, {104, 1}}) {
    const NetworkConfig network{
        .size = size, .width = 4, .blocks = 1, .levels = 1, .global = false};
    Validation validation(Device::cpu, network, CorruptSpec{}, {source_of(picture.view())});
    const std::vector<float> weights(static_cast<size_t>(parameters_of(network).count()));
    const Buffer arena(Device::cpu, validation.arena_bytes());
    validation.attach(arena.data(), arena.bytes(), weights.data());
    const Cell blank{{size, size, std::vector<uint8_t>(static_cast<size_t>(3 * size * size))}, ""};
    EXPECT_EQ(validation.samples().width, draw_sheet(std::vector<Cell>(4, blank), 4, zoom).width)
        << size;
  }
}

}  // namespace
}  // namespace dae::test
