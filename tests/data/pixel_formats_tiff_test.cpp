// TIFFs of layouts that few programs write, byte by byte, and what TIFF 6.0 says that their samples are. One of
// every pixel format: pixel_formats_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>

#include "data/photo.h"
#include "tests/support/tiff_bytes.h"

namespace dae::test {
namespace {

TEST(TiffFormats, ASampleOfNoKnownMeaningIsLeftOut) {
  constexpr uint32_t kUnspecified = 0, kShort = 3;
  for (const uint32_t bytes : {1u, 2u}) {
    Bytes data, rgb;
    for (uint32_t i = 0; i < 4 * 6; i++) {
      const uint32_t value = 10 * i * (bytes == 1 ? 1 : 259);
      put_little_endian(data, value, static_cast<int>(bytes));
      if (i % 4 < 3) put_little_endian(rgb, value, static_cast<int>(bytes));
    }
    const Photo photo = decode_photo(tiff_of({{256, 3},
                                              {257, 2},
                                              {258, 8 * bytes},
                                              {259, 1},
                                              {262, 2},
                                              {273, 8},
                                              {277, 4},
                                              {278, 2},
                                              {279, 4 * 6 * bytes},
                                              {338, kUnspecified, 1, kShort}},
                                             data),
                                     "tiff");
    EXPECT_EQ(photo.channels, 3);
    EXPECT_EQ(photo.samples, rgb) << bytes;
  }
}

// All tiles of red, then those of green and blue: two a plane, side by side.
TEST(TiffFormats, PlanesInTiles) {
  constexpr uint32_t kSide = 16, kTile = kSide * kSide, kTiles = 2 * 3;
  Bytes data, want;
  for (uint32_t i = 0; i < kTiles * kTile; i++)
    data.push_back(static_cast<uint8_t>(7 * i + i / kTile));
  for (uint32_t y = 0; y < kSide; y++)
    for (uint32_t x = 0; x < 2 * kSide; x++)
      for (uint32_t c = 0; c < 3; c++)
        want.push_back(data[(2 * c + x / kSide) * kTile + y * kSide + x % kSide]);
  const auto offsets = static_cast<uint32_t>(8 + data.size());
  for (uint32_t i = 0; i < kTiles; i++) put_little_endian(data, 8 + i * kTile, 4);
  const auto sizes = static_cast<uint32_t>(8 + data.size());
  for (uint32_t i = 0; i < kTiles; i++) put_little_endian(data, kTile, 4);
  const Bytes tiff = tiff_of({{256, 2 * kSide},
                              {257, kSide},
                              {258, 8},
                              {259, 1},
                              {262, 2},
                              {277, 3},
                              {284, 2},
                              {322, kSide},
                              {323, kSide},
                              {324, offsets, kTiles},
                              {325, sizes, kTiles}},
                             data);
  EXPECT_EQ(decode_photo(tiff, "tiff").samples, want);
}

// Version 43: places and counts are of eight bytes (libtiff's description of BigTIFF).
TEST(TiffFormats, BigTiff) {
  const Bytes samples = {10, 20, 30, 40, 50, 60, 70, 80};
  Bytes file;
  const auto add = [&](uint32_t value, int bytes) {
    put_little_endian(file, value, std::min(bytes, 4));
    if (bytes == 8) put_little_endian(file, 0, 4);
  };
  put(file, "II");
  add(43, 2);
  add(8, 2);  // bytes of a place
  add(0, 2);
  add(24, 8);
  put(file, samples);
  const std::vector<TiffTag> tags = {{256, 4},  {257, 2}, {258, 8}, {259, 1}, {262, 1},
                                     {273, 16}, {277, 1}, {278, 2}, {279, 8}};
  add(static_cast<uint32_t>(tags.size()), 8);
  for (const TiffTag& tag : tags) {
    add(tag.tag, 2);
    add(tag.type, 2);
    add(tag.count, 8);
    add(tag.value, 8);
  }
  add(0, 8);
  const Photo photo = decode_photo(file, "tiff");
  EXPECT_EQ(photo.width, 4);
  EXPECT_EQ(photo.samples, samples);
}

}  // namespace
}  // namespace dae::test
