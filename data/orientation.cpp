#include "data/orientation.h"

#include <libexif/exif-data.h>

#include <algorithm>
#include <memory>

namespace dae {

int exif_orientation(std::span<const uint8_t> bytes) {
  if (bytes.size() < 2 || bytes[0] != 0xff || bytes[1] != 0xd8) return 1;
  const std::unique_ptr<ExifData, void (*)(ExifData*)> exif(
      exif_data_new_from_data(bytes.data(), static_cast<unsigned>(bytes.size())), exif_data_unref);
  if (!exif) return 1;
  const ExifEntry* const entry =
      exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

Image upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool turned = orientation >= 5;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image out{turned ? stored.width : stored.height, turned ? stored.height : stored.width, {}};
  out.pixels.resize(stored.pixels.size());
  uint8_t* to = out.pixels.data();
  for (int64_t y = 0; y < out.height; y++)
    for (int64_t x = 0; x < out.width; x++, to += 3) {
      const int64_t row = turned ? x : y, column = turned ? y : x;
      const int64_t i = (from_below ? stored.height - 1 - row : row) * stored.width +
                        (from_right ? stored.width - 1 - column : column);
      std::copy_n(&stored.pixels[static_cast<size_t>(3 * i)], 3, to);
    }
  return out;
}

}  // namespace dae
