// What a validation says, worked out again from the views that it restores.
#include "train/validation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "corrupt/corrupted_view.h"
#include "data/synthetic.h"

namespace dae::test {
namespace {

// The mean of the views' PSNR, each of what a file would hold: not that of their pooled error.
TEST(Validation, IsTheMeanOverItsViews) {
  constexpr int64_t kSize = 16, kViews = 64;
  const NetworkConfig network{.size = kSize, .width = 4, .blocks = 1};
  std::vector<Image> images;
  std::vector<Source> sources;
  for (uint64_t i = 0; i < 3; i++) images.push_back(draw_dead_leaves(5, i, 40, 48));
  images[1].pixels.assign(images[1].pixels.size(), 128);  // much closer to what is restored
  for (const Image& image : images)
    sources.push_back({image.pixels.data(), 3 * 48, int32_t{40}, int32_t{48}});
  const CorruptSpec spec;
  Validation validation(Device::cpu, network, spec, sources);
  ParameterSet parameters;
  ViewRestorer restorer(Device::cpu, network, parameters, flags_of(spec), kViews, kSize, kSize);
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  parameters.initialize(3, weights.data());
  std::vector<std::byte> arena(std::max(validation.arena_bytes(), restorer.arena_bytes()) + 256);
  auto* const aligned = arena.data() + (256 - reinterpret_cast<uintptr_t>(arena.data()) % 256);
  validation.attach(aligned, validation.arena_bytes(), weights.data());
  const double got = validation.psnr();
  restorer.attach(aligned, restorer.arena_bytes(), weights.data(), sources);
  const std::vector<View> views =
      fixed_views(sources, kSize, views_an_image(kViews, 3), kViews, kValidationSeed);
  EXPECT_EQ(views.size(), size_t{kViews});
  double mean = 0, pooled = 0;
  restorer.run(fixed_draws(spec, kValidationSeed, sources, kSize, views),
               [&](size_t, const ViewRestorer::Views& all) {
                 for (int64_t v = 0; v < all.count; v++) {
                   const ByteView clean = all.clean_view(v);
                   const FloatView restored = all.restored_view(v);
                   double square = 0;
                   for (int64_t i = 0; i < clean.count(); i++)
                     square += std::pow(
                         std::clamp(double{restored.data[i]}, 0.0, 1.0) - clean.data[i] / 255.0, 2);
                   square /= static_cast<double>(clean.count());
                   mean -= 10 * std::log10(square) / kViews;
                   pooled += square / kViews;
                 }
               });
  EXPECT_NEAR(got, mean, 1e-4);
  EXPECT_GT(mean, -10 * std::log10(pooled) + 0.1) << "views that are all alike say nothing";
}

}  // namespace
}  // namespace dae::test
