// Single views, corrupted on the CPU, and which views of a set of pictures stand for it.
#pragma once

#include <cstdint>
#include <vector>

#include "corrupt/corrupt.h"
#include "runtime/picture.h"

namespace dae {

// One view as `draw` makes it.
struct CorruptedPicture {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> clean_pixels;
  std::vector<float> corrupted_pixels;

  ByteView clean() const { return {clean_pixels.data(), height, width}; }
  FloatView corrupted() const { return {corrupted_pixels.data(), height, width}; }
};
CorruptedPicture corrupt_view(const std::vector<Source>& sources, const Draw& draw, int64_t height,
                              int64_t width, const CorruptFlags& flags);
// The same for a whole picture.
CorruptedPicture corrupt_picture(const Source& source, Draw draw, const CorruptFlags& flags);

// Fixed crops of size x size: the same for the same pictures and seed, at most `most`, and no
// picture has two before every one has its first.
std::vector<View> fixed_views(const std::vector<Source>& sources, int64_t size,
                              int64_t views_per_image, int64_t most, uint64_t seed);
// One draw_evaluation() a view of size x size, numbered in order.
std::vector<Draw> fixed_draws(const CorruptSpec& spec, uint64_t seed,
                              const std::vector<Source>& sources, int64_t size,
                              const std::vector<View>& views);

}  // namespace dae
