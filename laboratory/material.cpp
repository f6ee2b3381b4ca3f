#include "laboratory/material.h"

#include <iterator>
#include <set>

#include "corrupt/corrupted_view.h"
#include "data/synthetic.h"
#include "quality/gain.h"
#include "record/dataset_images.h"
#include "report/sheet.h"
#include "restore/view_restorer.h"
#include "train/feature_trainer.h"

namespace dae {
namespace {

constexpr int64_t kBatch = 16, kMostViews = 512;
constexpr uint64_t kJudgeSeed = 0x1dea;
constexpr uint64_t kLeavesSeed = 20;  // not those of the dataset `synthetic`

void corrupt_set(PictureSet& set, int64_t size, const CorruptSpec& spec) {
  for (const Draw& draw : set.draws) {
    const CorruptedPicture one = corrupt_view(set.sources, draw, size, size, flags_of(spec));
    set.clean.push_back(to_floats(one.clean()));
    set.corrupted.push_back(clamped(one.corrupted()));
  }
}

// One draw a picture.
void use_drawn(PictureSet& set, const CorruptSpec& spec, uint64_t seed) {
  for (const Image& image : set.drawn) {
    const auto index = static_cast<int64_t>(set.sources.size());
    set.sources.push_back(source_of(image.view()));
    set.draws.push_back(draw_evaluation(spec, seed, index, {.image = index}));
  }
}

}  // namespace

int64_t pictures_of(const PictureSet& set) {
  std::set<int64_t> pictures;
  for (const Draw& draw : set.draws) pictures.insert(draw.view.image);
  return static_cast<int64_t>(pictures.size());
}

FeatureNetwork train_judge(const std::vector<Source>& sources, int64_t steps) {
  FeatureTraining options;
  options.steps = steps;
  options.widths = {24, 48, 96};
  options.seed = kJudgeSeed;
  return train_features(sources, CorruptSpec{}, options).network;
}

BlurMaterial make_blur_material(const Dataset& dataset, const std::vector<int64_t>& images,
                                const BlurMaterialOptions& options) {
  BlurMaterial material;
  material.size = options.size;
  material.corruption = options.corruption;
  material.judge = options.judge;
  material.distance_groups = options.distance_groups;
  const int64_t size = options.size;

  material.views.sources = sources_of(dataset, images);
  const std::vector<View> views =
      fixed_views(material.views.sources, size, options.views_per_image, kMostViews, options.seed);
  material.views.draws =
      fixed_draws(options.corruption, options.seed, material.views.sources, size, views);

  for (int64_t i = 0; i < kLeafPictures; i++)
    material.leaves.drawn.push_back(
        draw_dead_leaves(kLeavesSeed, static_cast<uint64_t>(i), size, size));
  use_drawn(material.leaves, options.corruption, options.seed + 1);

  // As 8-bit pictures, like photographs. Offsets are spread over a pixel.
  for (const double contrast : kEdgeContrasts)
    for (int64_t draw = 0; draw < kEdgeDraws; draw++)
      for (const double angle : kEdgeAngles) {
        const Edge edge{.angle = angle,
                        .offset = (double(draw) + 0.5) / double(kEdgeDraws) - 0.5,
                        .low = 0.5 - contrast / 2,
                        .high = 0.5 + contrast / 2};
        material.drawn_edges.push_back(edge);
        material.edges.drawn.push_back(
            to_image(FloatView{draw_edge(edge, size, size).data(), size, size}));
      }
  use_drawn(material.edges, options.corruption, options.seed + 2);

  for (PictureSet* const set : {&material.views, &material.leaves, &material.edges})
    corrupt_set(*set, size, options.corruption);
  return material;
}

Pictures restore_set(const PlacedNetwork& network, const BlurMaterial& material,
                     const PictureSet& set) {
  CorruptFlags flags = flags_of(material.corruption);
  ViewRestorer restorer(network.device, network.config, network.parameters, flags, kBatch,
                        material.size, material.size);
  const Buffer arena(network.device, restorer.arena_bytes());
  restorer.attach(arena.data(), arena.bytes(), network.weights, set.sources);
  Pictures restored;
  restorer.run(set.draws, [&](size_t, const ViewRestorer::Views& batch) {
    for (int64_t i = 0; i < batch.count; i++) restored.push_back(clamped(batch.restored_view(i)));
  });
  return restored;
}

}  // namespace dae
