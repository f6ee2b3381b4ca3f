// Dead leaves: pictures of discs that occlude each other, with radii r of density r^-3 (Lee,
// Mumford & Huang, "Occlusion models for natural images", 2001). They have the statistics that
// matter here, sharp edges at every scale and a 1/f^2 spectrum, and need no download.
#pragma once

#include <cstdint>

#include "data/image.h"

namespace dae {

// Depends on the arguments alone. Edges are antialiased; each disc has its own colour, shading and,
// for half of them, a stripe texture.
Image draw_dead_leaves(uint64_t seed, uint64_t index, int64_t height, int64_t width);

}  // namespace dae
