// How a camera was held: a picture is stored as the sensor saw it, with a note on how to turn it.
#pragma once

#include <span>

#include "data/photo.h"

namespace dae {

// The tag Orientation of Exif 2.3 (JEITA CP-3451C, 4.6.4), 1 to 8, of a JPEG; 1, as it is stored,
// without the tag, or with a damaged one.
int exif_orientation(std::span<const uint8_t> jpeg);
// The same of an Exif block as PNG (eXIf) and WebP (EXIF) keep it: with or without "Exif\0\0".
int exif_block_orientation(std::span<const uint8_t> exif);

// A picture stored under this orientation as people should see it: 2 mirrored, 3 turned by half, 4
// upside down, 5 to 8 the same with rows and columns exchanged first (6 is a quarter turn to the
// right, 8 to the left).
Photo upright(Photo stored, int orientation);

}  // namespace dae
