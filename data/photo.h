// Picture files as people keep them: grey or in colour, 8 or 16 bits, with or without transparency,
// and what such a file says about its colours. What is in a file, not its name, decides how it is
// read.
//
// JPEG by libjpeg-turbo, PNG by libspng, TIFF by libtiff, WebP by libwebp; BMP, TGA, GIF and PSD,
// which are read only, by stb_image, PNM by pnm.cpp. (libvips and OpenImageIO read and write all of them
// and come with 24 and 70 libraries, poppler's GPL among them; these four are small and everywhere.)
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace dae {

// 268 million pixels as 8-bit RGB: larger ones are mistakes or attacks.
inline constexpr int64_t kMostPhotoBytes = int64_t{3} << 28;

enum class PhotoFormat { png, jpeg, tiff, webp, other };

// How a PNG without a profile says what its numbers mean (PNG 1.2, 4.2.2), in units of 1/100000 as
// the file has it.
struct PngColour {
  uint32_t gamma = 0;                                     // 45455: that of the file is 1 / 2.2
  std::optional<std::array<uint32_t, 8>> primaries = {};  // x and y of white, red, green, blue

  bool operator==(const PngColour&) const = default;
};

struct Photo {
  int64_t height = 0, width = 0;
  int channels = 3;  // 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; colours not premultiplied
  int bits = 8;      // of a sample: 8, or 16 in the machine's byte order
  std::vector<uint8_t> samples = {};        // {height, width, channels}, row-major
  PhotoFormat format = PhotoFormat::other;  // of the file it came from
  bool lossless = true;                     // WebP has both kinds; JPEG is never
  std::vector<uint8_t> profile = {};        // ICC; empty: none, which means sRGB
  std::optional<PngColour> png_colour = {};

  int64_t bytes() const { return height * width * channels * (bits / 8); }
  int64_t row_bytes() const { return width * channels * (bits / 8); }
  bool has_alpha() const { return channels == 2 || channels == 4; }
  bool is_grey() const { return channels <= 2; }
};

// Whether a file's name ends like that of a picture that can be read, in any case.
bool has_photo_extension(const std::filesystem::path& path);
// Why a file is not read whose name ends like that of a picture that cannot be: .heic, .avif, .jxl, a
// camera's raw file. Empty for every other name. To be said, not passed over.
std::string why_unread(const std::filesystem::path& path);

// Throws Error naming the file and the reason: also for one that was cut off, which is not filled
// with grey. Turned upright as its Exif says, wherever that is stored. Palettes are looked up; CMYK
// becomes RGB by plain inks, and its profile is left behind; of an animation, and of a file of
// several pictures, the first is taken. A picture whose samples would take more than `most_bytes` is
// refused before they do.
Photo load_photo(const std::filesystem::path& path, int64_t most_bytes = kMostPhotoBytes);
Photo decode_photo(std::span<const uint8_t> bytes, const std::string& name,
                   int64_t most_bytes = kMostPhotoBytes);

struct EncodeOptions {
  int quality = 95;  // of JPEG and lossy WebP, 1 to 100
};

// `format` is not `other`. 16 bits become 8 where a format has no more (JPEG, WebP), and alpha is
// laid over white where it has none (JPEG). Throws Error naming `name` where the format is too small
// for the picture.
std::vector<uint8_t> encode_photo(const Photo& photo, PhotoFormat format,
                                  const EncodeOptions& options, const std::string& name);
const char* extension_of(PhotoFormat format);  // ".png"

// As 8-bit RGB: 16 bits rounded, grey spread, alpha laid over white.
Image to_image(Photo photo);
Photo to_photo(const Image& image);

// With 16 bits a sample.
Photo in_16_bits(Photo photo);
// With 8 bits a sample, rounded to the nearest; with its alpha laid over white.
Photo in_8_bits(Photo photo);
Photo over_white(Photo photo);

}  // namespace dae
