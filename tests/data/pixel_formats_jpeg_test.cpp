// JPEGs that libjpeg writes here of flat blocks at quality 100, of which nothing is lost.
#include <gtest/gtest.h>
#include <jpeglib.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "data/photo.h"
#include "tests/support/png_bytes.h"

namespace dae::test {
namespace {

using Inks = std::array<uint8_t, 4>;  // cyan, magenta, yellow, black
constexpr size_t kSide = 8;           // of a block

// A block of each, side by side.
Bytes jpeg_of(const std::vector<Inks>& colours, bool with_adobes_marker) {
  Bytes row;
  for (const Inks& inks : colours)
    for (size_t x = 0; x < kSide; x++) row.insert(row.end(), inks.begin(), inks.end());
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* to = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &to, &size);
  info.image_width = static_cast<JDIMENSION>(kSide * colours.size());
  info.image_height = kSide;
  info.input_components = 4;
  info.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  info.write_Adobe_marker = with_adobes_marker ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  uint8_t* lines[] = {row.data()};
  while (info.next_scanline < info.image_height) jpeg_write_scanlines(&info, lines, 1);
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes jpeg(to, to + size);
  std::free(to);
  return jpeg;
}

// Each takes its part of the white paper. With Adobe's marker 255 is no ink, else 0 is.
TEST(JpegFormats, BlackInkIsLaidOverTheOthers) {
  const std::vector<Inks> colours = {
      {255, 255, 255, 255}, {200, 100, 50, 100}, {0, 255, 7, 200}, {13, 77, 190, 31}, {0, 0, 0, 0}};
  for (const bool marked : {true, false}) {
    Bytes row;
    for (const Inks& inks : colours)
      for (size_t x = 0; x < kSide; x++)
        for (size_t c = 0; c < 3; c++) {
          const auto left = [&](uint8_t ink) { return (marked ? ink : 255 - ink) / 255.0; };
          row.push_back(static_cast<uint8_t>(std::lround(255 * left(inks[c]) * left(inks[3]))));
        }
    Bytes want;
    for (size_t y = 0; y < kSide; y++) put(want, row);
    EXPECT_EQ(decode_photo(jpeg_of(colours, marked), "inks").samples, want) << marked;
  }
}

// The library warns of the version alone.
TEST(JpegFormats, AJfifOfAnotherVersionIsRead) {
  const Photo grey{.height = 8, .width = 8, .channels = 1, .samples = Bytes(64, 77)};
  Bytes jpeg = encode_photo(grey, PhotoFormat::jpeg, {}, "jpeg");
  const Bytes samples = decode_photo(jpeg, "jpeg").samples;
  constexpr size_t kMajor = 11;  // after the image's start, the segment's, and its name
  ASSERT_EQ(jpeg[kMajor], 1);
  jpeg[kMajor] = 2;
  EXPECT_EQ(decode_photo(jpeg, "jpeg").samples, samples);
}

}  // namespace
}  // namespace dae::test
