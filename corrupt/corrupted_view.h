// Single views, corrupted on the CPU, and which views of a set of pictures stand for it.
#pragma once

#include <cstdint>
#include <vector>

#include "corrupt/corrupt.h"

namespace dae {

// One view as `draw` makes it: clean u8 and corrupted f32, each {height, width, 3}.
struct CorruptedPicture {
  std::vector<uint8_t> clean;
  std::vector<float> corrupted;
};
CorruptedPicture corrupt_view(const std::vector<Source>& sources, const Draw& draw, int64_t height,
                              int64_t width, const CorruptFlags& flags);
// The same for a whole picture.
CorruptedPicture corrupt_picture(const Source& source, Draw draw, const CorruptFlags& flags);

// Fixed crops of size x size: the same for the same pictures and seed, at most `most`, and no
// picture has two before every one has its first.
std::vector<View> fixed_views(const std::vector<Source>& sources, int64_t size,
                              int64_t views_per_image, int64_t most, uint64_t seed);

}  // namespace dae
