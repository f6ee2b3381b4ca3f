// What every run of a blur report is asked to restore: held-out views, dead leaves and drawn edges,
// corrupted once, with the same draws for all.
#pragma once

#include <cstdint>
#include <vector>

#include "corrupt/draw.h"
#include "data/dataset.h"
#include "evaluate/measure.h"
#include "laboratory/measures/edge.h"
#include "model/feature_network.h"
#include "runtime/picture.h"

namespace dae {

using Pictures = std::vector<std::vector<float>>;  // each {size, size, 3} in [0, 1]

struct PictureSet {
  std::vector<Image> drawn;  // what the sources point to, where this set made it
  std::vector<Source> sources;
  std::vector<Draw> draws;
  Pictures clean, corrupted;  // one a draw
};

// That are drawn from at least once.
int64_t pictures_of(const PictureSet& set);

struct BlurMaterial {
  int64_t size = 0;
  CorruptSpec corruption;
  FeatureNetwork judge;  // of perceptual distance; without layers: it is not measured
  // Of pictures, each left out in turn for the error of the sliced Wasserstein distance. 1: it has
  // no error; 0: it is not measured.
  size_t distance_groups = 0;
  PictureSet views, leaves, edges;
  // Of edges.draws[(contrast * kEdgeDraws + draw) * 4 + angle], counting as
  // laboratory/measures/edge.h does.
  std::vector<Edge> drawn_edges;

  FloatView view(const std::vector<float>& picture) const { return {picture.data(), size, size}; }
};

inline constexpr int64_t kEdgeDraws = 16;  // each at every contrast and angle, with its own noise
inline constexpr int64_t kLeafPictures = 32;

struct BlurMaterialOptions {
  int64_t size = 64;
  int64_t views_per_image = 4;
  CorruptSpec corruption;
  FeatureNetwork judge = {};
  size_t distance_groups = 8;
  uint64_t seed = 1;
};

inline constexpr int64_t kJudgeSteps = 1500;

// Trained on these sources, and by another seed and of other widths than any that a loss compares
// with: what a network was trained to please may not judge it.
FeatureNetwork train_judge(const std::vector<Source>& sources, int64_t steps);

// Views are crops of `images` of the dataset, which must be at least size x size and outlive this.
BlurMaterial make_blur_material(const Dataset& dataset, const std::vector<int64_t>& images,
                                const BlurMaterialOptions& options);

// What a network makes of a set, clamped to [0, 1] as a file would be.
Pictures restore_set(const PlacedNetwork& network, const BlurMaterial& material,
                     const PictureSet& set);

}  // namespace dae
