// TIFF files tag by tag (TIFF 6.0), for what no encoder would write.
#pragma once

#include "tests/support/png_bytes.h"

namespace dae::test {

struct TiffTag {
  uint32_t tag, value;  // a LONG, or where `count` of them lie
  uint32_t count = 1;
  uint32_t type = 4;  // LONG; 7: UNDEFINED, bytes
};

// Tags in ascending order; `data` lies at byte 8.
inline Bytes tiff_of(const std::vector<TiffTag>& tags, const Bytes& data) {
  Bytes out;
  put(out, std::string_view("II*\0", 4));
  put_little_endian(out, static_cast<uint32_t>(8 + data.size()), 4);
  put(out, data);
  put_little_endian(out, static_cast<uint32_t>(tags.size()), 2);
  for (const TiffTag& t : tags) {
    put_little_endian(out, t.tag, 2);
    put_little_endian(out, t.type, 2);
    put_little_endian(out, t.count, 4);
    put_little_endian(out, t.value, 4);
  }
  put_little_endian(out, 0, 4);
  return out;
}

// Grey of 8 bits as it is, in one strip, or with `tile` in tiles of that side.
inline Bytes grey_tiff(uint32_t width, uint32_t height, uint32_t samples, const Bytes& data,
                       uint32_t tile = 0, uint32_t compression = 1) {
  const auto size = static_cast<uint32_t>(data.size());
  std::vector<TiffTag> tags = {{256, width}, {257, height}, {258, 8}, {259, compression}, {262, 1}};
  if (tile == 0) tags.push_back({273, 8});
  tags.push_back({277, samples});
  if (tile == 0)
    tags.insert(tags.end(), {{278, height}, {279, size}});
  else
    tags.insert(tags.end(), {{322, tile}, {323, tile}, {324, 8}, {325, size}});
  return tiff_of(tags, data);
}

}  // namespace dae::test
