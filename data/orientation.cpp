#include "data/orientation.h"

#include <libexif/exif-data.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace dae {
namespace {

constexpr std::string_view kHead("Exif\0\0", 6);

}  // namespace

int exif_orientation(std::span<const uint8_t> jpeg) {
  const std::unique_ptr<ExifData, void (*)(ExifData*)> exif(
      exif_data_new_from_data(jpeg.data(), static_cast<unsigned>(jpeg.size())), exif_data_unref);
  if (!exif) return 1;
  const ExifEntry* const entry =
      exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

int exif_block_orientation(std::span<const uint8_t> exif) {
  if (exif.size() < kHead.size()) return 1;
  std::vector<uint8_t> block;
  if (std::memcmp(exif.data(), kHead.data(), kHead.size()) != 0)
    block.assign(kHead.begin(), kHead.end());
  block.insert(block.end(), exif.begin(), exif.end());
  return exif_orientation(block);  // libexif takes a JPEG, or a block with its head
}

Photo upright(Photo stored, int orientation) {
  if (orientation <= 1 || orientation > 8) return stored;
  const bool turned = orientation >= 5;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const int64_t height = stored.height, width = stored.width;
  const int64_t pixel = stored.channels * (stored.bits / 8);
  std::vector<uint8_t> samples(stored.samples.size());
  if (turned) std::swap(stored.height, stored.width);
  uint8_t* to = samples.data();
  for (int64_t y = 0; y < stored.height; y++)
    for (int64_t x = 0; x < stored.width; x++, to += pixel) {
      const int64_t row = turned ? x : y, column = turned ? y : x;
      const int64_t i = (from_below ? height - 1 - row : row) * width +
                        (from_right ? width - 1 - column : column);
      std::copy_n(&stored.samples[static_cast<size_t>(pixel * i)], pixel, to);
    }
  stored.samples = std::move(samples);
  return stored;
}

}  // namespace dae
