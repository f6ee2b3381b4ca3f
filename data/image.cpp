#include "data/image.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

#include "data/files.h"
#include "data/orientation.h"
#include "runtime/error.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_HDR
#define STBI_NO_STDIO
#include <stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace dae {
namespace {

constexpr int64_t kMostPixels = 1 << 28;  // 768 MiB as RGB: larger ones are mistakes or attacks

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

// Whether a Huffman table of this JPEG counts more than the 256 codes there can be (ITU-T T.81,
// B.2.4.2). The stb_image of Debian 12 writes past its own table then. Segments are walked as it
// walks them.
bool has_oversized_huffman_table(std::span<const uint8_t> bytes) {
  constexpr uint8_t kMark = 0xFF, kFirstBare = 0xD0, kLastBare = 0xD9, kHuffman = 0xC4;
  if (bytes.size() < 2 || bytes[0] != kMark || (bytes[1] != 0xD8 && bytes[1] != kMark))
    return false;
  for (size_t at = 0; at + 4 <= bytes.size();) {
    const uint8_t marker = bytes[at + 1];
    if (bytes[at] != kMark || marker == 0 || marker == kMark ||
        (marker >= kFirstBare && marker <= kLastBare)) {
      at++;  // between segments, or a marker without one
      continue;
    }
    const size_t end = at + 2 + std::max(2, bytes[at + 2] << 8 | bytes[at + 3]);
    if (marker == kHuffman)
      for (size_t table = at + 4; table < end && table + 17 <= bytes.size();) {
        const auto counts = bytes.subspan(table + 1, 16);
        const int codes = std::accumulate(counts.begin(), counts.end(), 0);
        if (codes > 256) return true;
        table += 17 + static_cast<size_t>(codes);
      }
    at = end;
  }
  return false;
}

// One axis of area averaging: output pixel i covers [i, i + 1) * from / to of the input.
struct Span {
  int64_t first, last;  // inclusive
  double head, tail;    // covered parts of the first and the last pixel
};

Span span_of(int64_t i, int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double begin = static_cast<double>(i) * scale, end = static_cast<double>(i + 1) * scale;
  Span span;
  span.first = static_cast<int64_t>(begin);
  span.last = std::min(from - 1, static_cast<int64_t>(std::ceil(end)) - 1);
  span.head = std::min(static_cast<double>(span.first + 1), end) - begin;
  span.tail = span.last == span.first ? 0 : end - static_cast<double>(span.last);
  return span;
}

double weight_of(const Span& span, int64_t i) {
  return i == span.first ? span.head : i == span.last ? span.tail : 1.0;
}

}  // namespace

bool has_image_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* known :
       {".jpg", ".jpeg", ".png", ".bmp", ".tga", ".gif", ".psd", ".ppm", ".pgm", ".pnm", ".pic"})
    if (extension == known) return true;
  return false;
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) fail("{}: the file is empty", name);
  if (bytes.size() > static_cast<size_t>(1) << 30) fail("{}: larger than 1 GiB", name);
  if (has_oversized_huffman_table(bytes))
    fail("{}: not an image that can be read (a Huffman table of more than 256 codes)", name);
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &channels))
    fail("{}: not an image that can be read ({})", name, stbi_failure_reason());
  if (width < 1 || height < 1) fail("{}: it has no pixels", name);
  if (int64_t{width} * height > kMostPixels)
    fail("{}: {}x{} pixels are too many", name, width, height);
  static constexpr stbi_io_callbacks kCallbacks = {Reader::read, Reader::skip, Reader::eof};
  Reader reader{bytes};
  const std::unique_ptr<uint8_t, void (*)(void*)> decoded(
      stbi_load_from_callbacks(&kCallbacks, &reader, &width, &height, &channels, 3),
      stbi_image_free);
  if (reader.past_end) fail("{}: the file was cut off", name);
  if (!decoded) fail("{}: damaged ({})", name, stbi_failure_reason());
  return upright({height, width,
                  std::vector<uint8_t>(decoded.get(), decoded.get() + int64_t{3} * width * height)},
                 exif_orientation(bytes));
}

Image load_image(const std::filesystem::path& path) {
  const MappedFile file(path);
  return decode_image(file.bytes(), path.string());
}

std::vector<uint8_t> encode_png(const Image& image) {
  std::vector<uint8_t> bytes;
  const auto append = [](void* context, void* data, int size) {
    auto* const out = static_cast<std::vector<uint8_t>*>(context);
    const auto* const at = static_cast<const uint8_t*>(data);
    out->insert(out->end(), at, at + size);
  };
  if (!stbi_write_png_to_func(append, &bytes, static_cast<int>(image.width),
                              static_cast<int>(image.height), 3, image.pixels.data(),
                              static_cast<int>(image.width * 3)))
    fail("cannot encode a {}x{} picture as PNG", image.width, image.height);
  return bytes;
}

void save_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, std::span<const uint8_t>(encode_png(image)));
}

Image to_image(FloatView picture) {
  Image image{picture.height, picture.width,
              std::vector<uint8_t>(static_cast<size_t>(picture.count()))};
  for (size_t i = 0; i < image.pixels.size(); i++)
    image.pixels[i] =
        static_cast<uint8_t>(std::lround(std::clamp(picture.data[i], 0.0f, 1.0f) * 255.0f));
  return image;
}

Image to_image(ByteView picture) {
  return {picture.height, picture.width,
          std::vector<uint8_t>(picture.data, picture.data + picture.count())};
}

std::vector<float> to_floats(ByteView picture) {
  std::vector<float> out(static_cast<size_t>(picture.count()));
  for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<float>(picture.data[i]) / 255.0f;
  return out;
}

Image area_downscale(Image image, int64_t max_side) {
  const int64_t longest = std::max(image.height, image.width);
  if (max_side <= 0 || longest <= max_side) return image;
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(1, (side * max_side + longest / 2) / longest);
  };
  Image out{scaled(image.height), scaled(image.width), {}};
  out.pixels.resize(static_cast<size_t>(out.height * out.width * 3));
  std::vector<Span> columns;
  for (int64_t x = 0; x < out.width; x++) columns.push_back(span_of(x, image.width, out.width));
  std::vector<double> row(static_cast<size_t>(image.width * 3));
  for (int64_t y = 0; y < out.height; y++) {
    const Span rows = span_of(y, image.height, out.height);
    std::fill(row.begin(), row.end(), 0.0);
    double height = 0;
    for (int64_t i = rows.first; i <= rows.last; i++) {
      const double weight = weight_of(rows, i);
      height += weight;
      const uint8_t* const from = &image.pixels[static_cast<size_t>(i * image.width * 3)];
      for (size_t k = 0; k < row.size(); k++) row[k] += weight * from[k];
    }
    for (int64_t x = 0; x < out.width; x++) {
      const Span& span = columns[static_cast<size_t>(x)];
      double sum[3] = {0, 0, 0}, width = 0;
      for (int64_t i = span.first; i <= span.last; i++) {
        const double weight = weight_of(span, i);
        width += weight;
        for (int c = 0; c < 3; c++) sum[c] += weight * row[static_cast<size_t>(i * 3 + c)];
      }
      for (int c = 0; c < 3; c++)
        out.pixels[static_cast<size_t>((y * out.width + x) * 3 + c)] =
            static_cast<uint8_t>(std::lround(sum[c] / (width * height)));
    }
  }
  return out;
}

}  // namespace dae
