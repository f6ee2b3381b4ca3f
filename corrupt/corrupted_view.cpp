#include "corrupt/corrupted_view.h"

#include <algorithm>

namespace dae {

CorruptedPicture corrupt_view(const std::vector<Source>& sources, const Draw& draw, int64_t height,
                              int64_t width, const CorruptFlags& flags) {
  CorruptedPicture picture{height, width, {}, {}};
  const auto count = static_cast<size_t>(3 * height * width);
  picture.clean_pixels.resize(count);
  picture.corrupted_pixels.resize(count);
  CorruptFlags wide = flags;
  wide.max_radius = kMaxRadius;
  std::vector<float> workspace(
      static_cast<size_t>(corrupt_workspace_count(Device::cpu, width, wide.max_radius)));
  Draw one = draw;
  const auto rows = static_cast<int64_t>(sources.size());
  corrupt(Queue{},
          {const_cast<Source*>(sources.data()), {rows, int64_t{sizeof(Source)}}, DType::u8},
          {&one, {1, int64_t{sizeof(Draw)}}, DType::u8}, wide,
          {picture.clean_pixels.data(), {1, height, width, 3}, DType::u8},
          {picture.corrupted_pixels.data(), {1, height, width, 3}},
          {workspace.data(), {static_cast<int64_t>(workspace.size())}});
  return picture;
}

CorruptedPicture corrupt_picture(const Source& source, Draw draw, const CorruptFlags& flags) {
  draw.view = {};
  return corrupt_view({source}, draw, source.height, source.width, flags);
}

std::vector<View> fixed_views(const std::vector<Source>& sources, int64_t size,
                              int64_t views_per_image, int64_t most, uint64_t seed) {
  std::vector<View> views;
  // Round by round, so that a limit leaves every image its first view before any gets a second.
  for (int64_t round = 0; round < views_per_image; round++)
    for (size_t i = 0; i < sources.size() && static_cast<int64_t>(views.size()) < most; i++) {
      const int64_t index = round * static_cast<int64_t>(sources.size()) + static_cast<int64_t>(i);
      View view = sample_view(seed, 0, index, {&sources[i], 1}, static_cast<int32_t>(size),
                              static_cast<int32_t>(size));
      view.image = static_cast<int64_t>(i);
      view.flip = false;
      views.push_back(view);
    }
  return views;
}

std::vector<Draw> fixed_draws(const CorruptSpec& spec, uint64_t seed,
                              const std::vector<Source>& sources, int64_t size,
                              const std::vector<View>& views) {
  std::vector<Draw> draws;
  for (size_t i = 0; i < views.size(); i++) {
    draws.push_back(draw_evaluation(spec, seed, static_cast<int64_t>(i), views[i]));
    tell_of_pair(draws.back(), sources[static_cast<size_t>(views[i].image)],
                 static_cast<int32_t>(size), static_cast<int32_t>(size));
  }
  return draws;
}

}  // namespace dae
