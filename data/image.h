// 8-bit RGB images and their files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "runtime/picture.h"

namespace dae {

struct Image {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // {height, width, 3}, row-major

  ByteView view() const { return {pixels.data(), height, width}; }
};

// A picture file (data/photo.h) as 8-bit RGB. Throws Error naming the file and the reason.
Image load_image(const std::filesystem::path& path);
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);

void save_png(const std::filesystem::path& path, const Image& image);  // atomically
std::vector<uint8_t> encode_png(const Image& image);

// An 8-bit picture: floats are clamped to [0, 1] and rounded to the nearest.
Image to_image(FloatView picture);
Image to_image(ByteView picture);

// 8-bit values / 255, row-major.
std::vector<float> to_floats(ByteView picture);

// Shrunk by exact area averaging so that the longer side is at most max_side; unchanged when it is
// already, or when max_side is 0.
Image area_downscale(Image image, int64_t max_side);

}  // namespace dae
