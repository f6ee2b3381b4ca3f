#include "data/image.h"

#include <algorithm>
#include <cmath>

#include "data/files.h"
#include "data/photo.h"

namespace dae {
namespace {

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

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  return to_image(decode_photo(bytes, name));
}

Image load_image(const std::filesystem::path& path) {
  return to_image(load_photo(path));
}

std::vector<uint8_t> encode_png(const Image& image) {
  return encode_photo(to_photo(image), PhotoFormat::png, {}, "a picture");
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
