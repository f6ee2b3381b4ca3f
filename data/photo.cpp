#include "data/photo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "data/files.h"
#include "data/formats/formats.h"
#include "data/orientation.h"
#include "data/text.h"
#include "runtime/error.h"

namespace dae {
namespace {

std::string lower_extension(const std::filesystem::path& path) {
  return in_lower_case(path.extension().string());
}

bool is_one_of(const std::string& extension, std::initializer_list<const char*> known) {
  return std::find(known.begin(), known.end(), extension) != known.end();
}

formats::Decoded decode(std::span<const uint8_t> bytes, int64_t most_bytes) {
  if (bytes.empty()) fail("the file is empty");
  if (formats::is_jpeg(bytes)) return formats::decode_jpeg(bytes, most_bytes);
  if (formats::is_png(bytes)) return formats::decode_png(bytes, most_bytes);
  if (formats::is_tiff(bytes)) return formats::decode_tiff(bytes, most_bytes);
  if (formats::is_webp(bytes)) return formats::decode_webp(bytes, most_bytes);
  if (formats::is_pnm(bytes)) return formats::decode_pnm(bytes, most_bytes);
  return formats::decode_other(bytes, most_bytes);
}

std::vector<uint8_t> encode(const Photo& photo, PhotoFormat format, const EncodeOptions& options) {
  switch (format) {
    case PhotoFormat::jpeg:
      return formats::encode_jpeg(photo, options.quality);
    case PhotoFormat::png:
      return formats::encode_png(photo);
    case PhotoFormat::tiff:
      return formats::encode_tiff(photo);
    case PhotoFormat::webp:
      return formats::encode_webp(photo, photo.lossless, options.quality);
    case PhotoFormat::other:
      break;
  }
  fail("there is no format to write it in");
}

// Calls f, and puts the picture's name before what goes wrong.
template <class F>
auto named(const std::string& name, const F& f) {
  try {
    return f();
  } catch (const OutOfMemory&) {
    throw;
  } catch (const Error& error) {
    fail("{}: {}", name, error.what());
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(fmt::format("{}: there is not enough memory for it", name));
  }
}

template <class T>
void lay_over_white(const Photo& photo, int colours, T* to) {
  constexpr uint64_t kMost = static_cast<T>(~T{0});
  const auto* from = reinterpret_cast<const T*>(photo.samples.data());
  for (int64_t i = 0; i < photo.height * photo.width; i++, from += photo.channels)
    for (int c = 0; c < colours; c++) {
      const uint64_t alpha = from[colours];
      *to++ = static_cast<T>((from[c] * alpha + kMost * (kMost - alpha) + kMost / 2) / kMost);
    }
}

}  // namespace

void formats::check_size(const Photo& photo, int64_t most_bytes) {
  const int64_t height = photo.height, width = photo.width;
  if (height < 1 || width < 1) fail("it has no pixels");
  const int64_t pixel = photo.channels * (photo.bits / 8);
  if (width > most_bytes / pixel / height)
    fail("{}x{} pixels are too many: {:.0f} MB, at most {:.0f} are allowed", width, height,
         1e-6 * static_cast<double>(width) * static_cast<double>(height * pixel),
         1e-6 * double(most_bytes));
}

bool has_photo_extension(const std::filesystem::path& path) {
  return is_one_of(lower_extension(path),
                   {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp",
                    ".tga", ".gif", ".psd", ".ppm", ".pgm", ".pbm", ".pnm"});
}

std::string why_unread(const std::filesystem::path& path) {
  if (!is_one_of(lower_extension(path),
                 {".pic", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".exr", ".hdr", ".svg", ".dng",
                  ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"}))
    return "";
  return fmt::format("{}: {} files cannot be read; save it as PNG, TIFF or JPEG", path.string(),
                     path.extension().string());
}

Photo decode_photo(std::span<const uint8_t> bytes, const std::string& name, int64_t most_bytes) {
  return named(name, [&] {
    formats::Decoded decoded = decode(bytes, most_bytes);
    return upright(std::move(decoded.photo), decoded.orientation);
  });
}

Photo load_photo(const std::filesystem::path& path, int64_t most_bytes) {
  return decode_photo(read_file(path), path.string(), most_bytes);
}

std::vector<uint8_t> encode_photo(const Photo& photo, PhotoFormat format,
                                  const EncodeOptions& options, const std::string& name) {
  return named(name, [&] {
    if (format == PhotoFormat::jpeg) return encode(over_white(in_8_bits(photo)), format, options);
    if (format == PhotoFormat::webp) return encode(in_8_bits(photo), format, options);
    return encode(photo, format, options);
  });
}

const char* extension_of(PhotoFormat format) {
  switch (format) {
    case PhotoFormat::jpeg:
      return ".jpg";
    case PhotoFormat::tiff:
      return ".tif";
    case PhotoFormat::webp:
      return ".webp";
    default:
      return ".png";
  }
}

Photo in_8_bits(Photo photo) {
  if (photo.bits == 8) return photo;
  const auto* const from = reinterpret_cast<const uint16_t*>(photo.samples.data());
  std::vector<uint8_t> rounded(photo.samples.size() / 2);
  for (size_t i = 0; i < rounded.size(); i++)
    rounded[i] = static_cast<uint8_t>((from[i] + 128) / 257);
  photo.samples = std::move(rounded);
  photo.bits = 8;
  return photo;
}

Photo in_16_bits(Photo photo) {
  if (photo.bits == 16) return photo;
  std::vector<uint8_t> doubled(2 * photo.samples.size());  // v * 257: v in both bytes
  for (size_t i = 0; i < photo.samples.size(); i++)
    doubled[2 * i] = doubled[2 * i + 1] = photo.samples[i];
  photo.samples = std::move(doubled);
  photo.bits = 16;
  return photo;
}

Photo over_white(Photo photo) {
  if (!photo.has_alpha()) return photo;
  const int colours = photo.channels - 1;
  std::vector<uint8_t> flat(
      static_cast<size_t>(photo.height * photo.width * colours * (photo.bits / 8)));
  if (photo.bits == 8)
    lay_over_white(photo, colours, flat.data());
  else
    lay_over_white(photo, colours, reinterpret_cast<uint16_t*>(flat.data()));
  photo.samples = std::move(flat);
  photo.channels = colours;
  return photo;
}

Image to_image(Photo photo) {
  Photo plain = over_white(in_8_bits(std::move(photo)));
  if (!plain.is_grey()) return {plain.height, plain.width, std::move(plain.samples)};
  Image image{plain.height, plain.width, {}};
  image.pixels.reserve(3 * plain.samples.size());
  for (const uint8_t grey : plain.samples) image.pixels.insert(image.pixels.end(), 3, grey);
  return image;
}

Photo to_photo(const Image& image) {
  return {.height = image.height, .width = image.width, .samples = image.pixels};
}

}  // namespace dae
