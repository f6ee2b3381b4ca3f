// The measure of a blur report that asks a judge, against the judge asked directly.
#include "laboratory/blur_measures.h"

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "laboratory/feature_distance.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

// Two layers of first values: who judges is no matter here.
FeatureNetwork small_judge() {
  FeatureNetwork judge{.widths = {4, 8}};
  const ParameterSet parameters = feature_parameters(judge.widths);
  judge.values.resize(static_cast<size_t>(parameters.count()));
  parameters.initialize(3, judge.values.data());
  return judge;
}

// Three pictures have two views each; without one of them it is the mean of the others.
TEST(PerceptualDistance, IsTheMeanOverPicturesAfterAlignment) {
  constexpr int64_t kSize = 16;
  const TemporaryFolder temporary;
  setenv("XDG_CACHE_HOME", temporary.file("cache").c_str(), 1);
  for (uint64_t i = 0; i < 3; i++)
    save_png(temporary.file("leaf" + std::to_string(i) + ".png"), draw_dead_leaves(3, i, 40, 48));
  const Dataset dataset = open_dataset(temporary.path());
  const BlurMaterial material = make_blur_material(dataset, {0, 1, 2},
                                                   {.size = kSize,
                                                    .views_per_image = 2,
                                                    .corruption = {},
                                                    .judge = small_judge(),
                                                    .distance_groups = 0});
  const BlurMeasures measures = measure_corrupted(material);
  FeatureDistance distance(Device::cpu, material.judge, kSize);
  std::vector<double> of_pictures(3);
  ASSERT_EQ(measures.aligned.size(), 6u);
  for (size_t i = 0; i < measures.aligned.size(); i++)
    of_pictures[static_cast<size_t>(material.views.draws[i].view.image)] +=
        distance(material.views.clean[i], measures.aligned[i]).at(0) / 2;
  const double sum = of_pictures[0] + of_pictures[1] + of_pictures[2];
  const Jackknife& got = measures[Measure::perceptual];
  EXPECT_GT(sum, 1e-3) << "pictures that are alike say nothing";
  EXPECT_NEAR(got.value, sum / 3, 1e-6);
  ASSERT_EQ(got.without.size(), 3u);
  for (size_t i = 0; i < 3; i++) EXPECT_NEAR(got.without[i], (sum - of_pictures[i]) / 2, 1e-6) << i;
}

}  // namespace
}  // namespace dae::test
