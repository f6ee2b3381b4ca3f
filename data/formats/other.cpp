// BMP, TGA, GIF and PSD, by stb_image. Its rarer decoders are not compiled in: that of Softimage PIC could be
// made to follow a null pointer.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "data/formats/formats.h"
#include "runtime/error.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_JPEG
#define STBI_NO_PNG
#define STBI_NO_PNM
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace dae::formats {
namespace {

// stb_image fills what a cut-off file lacks with grey, whatever the format. It reads through this,
// so it is known when it asked for more than there is.
struct Reader {
  // stb_image refills a buffer of this size, which the end of a file may fill in part; what it asks
  // for in other sizes it needs.
  static constexpr int kRefill = 128;

  std::span<const uint8_t> bytes;
  size_t at = 0;
  bool past_end = false;

  static int read(void* reader, char* to, int count) {
    auto& r = *static_cast<Reader*>(reader);
    const size_t left = r.bytes.size() - std::min(r.at, r.bytes.size());
    const size_t n = std::min(static_cast<size_t>(count), left);
    r.past_end |= n == 0 || (static_cast<size_t>(count) > n && count != kRefill);
    if (n > 0) std::memcpy(to, r.bytes.data() + r.at, n);
    r.at += n;
    return static_cast<int>(n);
  }
  static void skip(void* reader, int count) {
    auto& r = *static_cast<Reader*>(reader);
    r.at += static_cast<size_t>(static_cast<ptrdiff_t>(count));  // may be negative
    r.past_end |= r.at > r.bytes.size();
  }
  static int eof(void* reader) {
    const auto& r = *static_cast<const Reader*>(reader);
    return r.at >= r.bytes.size();
  }
};

// Of these formats PSD alone has 16 bits. stb_image, asked for it, takes a picture's height for its depth.
bool is_deep_psd(std::span<const uint8_t> bytes) {
  return bytes.size() > 23 && std::memcmp(bytes.data(), "8BPS", 4) == 0 && bytes[22] == 0 &&
         bytes[23] == 16;
}

}  // namespace

Decoded decode_other(std::span<const uint8_t> bytes, int64_t most_bytes) {
  if (bytes.size() > static_cast<size_t>(1) << 30) fail("larger than 1 GiB");
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &channels))
    fail("not a picture that can be read ({})", stbi_failure_reason());
  height = std::abs(height);  // negative: a BMP whose rows run downwards
  Decoded out;
  Photo& photo = out.photo;
  static constexpr stbi_io_callbacks kCallbacks = {Reader::read, Reader::skip, Reader::eof};
  Reader reader{bytes};
  photo.height = height;
  photo.width = width;
  photo.channels = channels;
  const bool deep = is_deep_psd(bytes);
  photo.bits = deep ? 16 : 8;
  check_size(photo, most_bytes);
  void* const decoded =
      deep ? static_cast<void*>(
                 stbi_load_16_from_callbacks(&kCallbacks, &reader, &width, &height, &channels, 0))
           : stbi_load_from_callbacks(&kCallbacks, &reader, &width, &height, &channels, 0);
  const std::unique_ptr<void, void (*)(void*)> owner(decoded, stbi_image_free);
  if (reader.past_end) fail("the file was cut off");
  if (!decoded) fail("damaged ({})", stbi_failure_reason());
  if (width != photo.width || std::abs(height) != photo.height || channels != photo.channels)
    fail("damaged (its header is read in two ways)");
  const auto* const first = static_cast<const uint8_t*>(decoded);
  photo.samples.assign(first, first + photo.bytes());
  return out;
}

}  // namespace dae::formats
