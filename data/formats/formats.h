// The formats behind data/photo.h. Each knows its files by their first bytes, and throws Error with
// the reason alone: the name is put before it by decode_photo() and encode_photo().
#pragma once

#include <span>
#include <vector>

#include "data/photo.h"

namespace dae::formats {

// Throws Error for no pixels, and for samples that would take more than `most_bytes`: called once
// size, channels and bits are known and before there is memory for them.
void check_size(const Photo& photo, int64_t most_bytes);

// A decoded picture and how it is to be turned (Exif's Orientation, 1 to 8; 1: as it is).
struct Decoded {
  Photo photo;
  int orientation = 1;
};

bool is_jpeg(std::span<const uint8_t> bytes);
Decoded decode_jpeg(std::span<const uint8_t> bytes, int64_t most_bytes);
std::vector<uint8_t> encode_jpeg(const Photo& photo, int quality);  // 8 bits, without alpha

bool is_png(std::span<const uint8_t> bytes);
Decoded decode_png(std::span<const uint8_t> bytes, int64_t most_bytes);
std::vector<uint8_t> encode_png(const Photo& photo);

bool is_tiff(std::span<const uint8_t> bytes);
Decoded decode_tiff(std::span<const uint8_t> bytes, int64_t most_bytes);
std::vector<uint8_t> encode_tiff(const Photo& photo);

bool is_webp(std::span<const uint8_t> bytes);
Decoded decode_webp(std::span<const uint8_t> bytes, int64_t most_bytes);
std::vector<uint8_t> encode_webp(const Photo& photo, bool lossless, int quality);  // 8 bits

bool is_pnm(std::span<const uint8_t> bytes);
Decoded decode_pnm(std::span<const uint8_t> bytes, int64_t most_bytes);

// Everything else, by stb_image.
Decoded decode_other(std::span<const uint8_t> bytes, int64_t most_bytes);

}  // namespace dae::formats
