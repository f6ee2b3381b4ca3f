// How a camera was held: JPEGs are stored as the sensor saw them, with a note on how to turn them.
#pragma once

#include <span>

#include "data/image.h"

namespace dae {

// The tag Orientation of Exif 2.3 (JEITA CP-3451C, 4.6.4), 1 to 8; 1, as it is stored, for files
// other than JPEG, without the tag, or with a damaged one.
int exif_orientation(std::span<const uint8_t> bytes);

// A picture stored under this orientation as people should see it: 2 mirrored, 3 turned by half, 4
// upside down, 5 to 8 the same with rows and columns exchanged first (6 is a quarter turn to the
// right, 8 to the left).
Image upright(Image stored, int orientation);

}  // namespace dae
