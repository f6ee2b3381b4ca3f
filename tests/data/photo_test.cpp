// Picture files of every kind against what other programs wrote into them
// (make_photo_fixtures.py), and back again.
#include "data/photo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "data/files.h"
#include "runtime/error.h"
#include "tests/support/json_file.h"
#include "tests/support/photo_sample.h"
#include "tests/support/said.h"
#include "tests/support/tiff_bytes.h"

namespace dae::test {
namespace {

const std::string kFolder = std::string(DAE_FIXTURES) + "/photos/";

nlohmann::json expected() {
  return json_fixture("photos/photos.json");
}

Photo random_photo(int channels, int bits) {
  std::mt19937 words(static_cast<uint32_t>(channels * bits));
  Photo photo{.height = 9, .width = 14, .channels = channels, .bits = bits};
  photo.samples.resize(static_cast<size_t>(photo.bytes()));
  for (uint8_t& value : photo.samples) value = static_cast<uint8_t>(words());
  return photo;
}

TEST(Photo, ReadsWhatOthersWrote) {
  const nlohmann::json all = expected();
  for (const auto& [name, want] : all.items()) {
    SCOPED_TRACE(name);
    const Photo photo = load_photo(kFolder + name);
    EXPECT_EQ(photo.height, want.at("height"));
    EXPECT_EQ(photo.width, want.at("width"));
    ASSERT_EQ(photo.channels, want.at("channels"));
    ASSERT_EQ(photo.bits, want.at("bits"));
    EXPECT_EQ(!photo.profile.empty(), want.at("profile").get<bool>());
    const auto samples = want.at("samples").get<std::vector<int>>();
    ASSERT_EQ(photo.samples.size(), samples.size() * static_cast<size_t>(photo.bits / 8));
    const auto channels = static_cast<size_t>(photo.channels);
    for (size_t i = 0; i < samples.size(); i++) {
      // A GIF's hidden colour is an entry of its palette, which nobody sees.
      if (name.ends_with(".gif") && samples[i - i % channels + 3] == 0 && i % channels < 3)
        continue;
      ASSERT_LE(std::abs(sample(photo, i) - samples[i]), want.at("tolerance").get<int>()) << i;
    }
  }
}

// Of which formats that lose nothing: the same samples, the profile and what it says of colours.
TEST(Photo, ComesBackAsItWas) {
  for (const PhotoFormat format : {PhotoFormat::png, PhotoFormat::tiff, PhotoFormat::webp})
    for (const int channels : {1, 2, 3, 4})
      for (const int bits : {8, 16}) {
        if (format == PhotoFormat::webp && (bits == 16 || channels < 3)) continue;
        SCOPED_TRACE(std::string(extension_of(format)) + " " + std::to_string(channels) + " x " +
                     std::to_string(bits));
        Photo photo = random_photo(channels, bits);
        photo.profile = load_photo(kFolder + "profile.png").profile;
        const Photo again = decode_photo(encode_photo(photo, format, {}, "p"), "p");
        EXPECT_EQ(again.format, format);
        EXPECT_EQ(again.channels, channels);
        EXPECT_EQ(again.bits, bits);
        EXPECT_EQ(again.samples, photo.samples);
        EXPECT_EQ(again.profile, photo.profile);
      }
  Photo linear = random_photo(3, 16);
  linear.png_colour = PngColour{
      .gamma = 100000, .primaries = {{31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000}}};
  EXPECT_EQ(decode_photo(encode_photo(linear, PhotoFormat::png, {}, "p"), "p").png_colour,
            linear.png_colour);
}

TEST(Photo, JpegIsCloseAndKeepsProfileAndGrey) {
  const Photo colour = load_photo(kFolder + "profile.jpg"), grey = load_photo(kFolder + "grey.jpg");
  for (const Photo& photo : {colour, grey}) {
    const Photo again = decode_photo(encode_photo(photo, PhotoFormat::jpeg, {}, "p"), "p");
    EXPECT_EQ(again.channels, photo.channels);
    EXPECT_EQ(again.profile, photo.profile);
    for (size_t i = 0; i < photo.samples.size(); i++)
      ASSERT_NEAR(again.samples[i], photo.samples[i], 6) << i;
  }
}

// A format of less: 16 bits are rounded, alpha is laid over white.
TEST(Photo, WhatAFormatLacksIsMadeOfWhatThereIs) {
  Photo deep{.height = 1, .width = 3, .channels = 2, .bits = 16};
  const uint16_t values[] = {20000, 65535, 20000, 0, 20000, 32768};
  const auto* const bytes = reinterpret_cast<const uint8_t*>(values);
  deep.samples.assign(bytes, bytes + sizeof(values));
  const Photo shallow = over_white(in_8_bits(deep));
  // 20000 / 257 = 77.8; half of it and half of white: 0.5 * 78 + 0.5 * 255 = 166.4 at alpha 128/255.
  EXPECT_EQ(shallow.samples, (std::vector<uint8_t>{78, 255, 166}));
  EXPECT_EQ(to_image(deep).pixels,
            (std::vector<uint8_t>{78, 78, 78, 255, 255, 255, 166, 166, 166}));
  const Photo jpeg = decode_photo(encode_photo(deep, PhotoFormat::jpeg, {}, "p"), "p");
  EXPECT_EQ(jpeg.channels, 1);
  EXPECT_NEAR(jpeg.samples[0], 78, 3);
  EXPECT_NEAR(jpeg.samples[1], 255, 3);
}

// A WebP has 8 bits: of v the nearest to v / 257.
TEST(Photo, SixteenBitsAreRoundedForAWebP) {
  for (const int channels : {3, 4}) {
    const Photo deep = random_photo(channels, 16);
    std::vector<uint8_t> rounded;
    for (size_t i = 0; i < deep.samples.size() / 2; i++)
      rounded.push_back(static_cast<uint8_t>(std::lround(sample(deep, i) / 257.0)));
    const Photo again = decode_photo(encode_photo(deep, PhotoFormat::webp, {}, "p"), "p");
    EXPECT_EQ(again.bits, 8);
    EXPECT_EQ(again.samples, rounded) << channels;
  }
}

// A WebP has colours alone, of which a profile of greys says nothing.
TEST(Photo, GreyIsSpreadInAWebP) {
  for (const int channels : {1, 2}) {
    Photo grey = random_photo(channels, 8);
    grey.profile = load_photo(kFolder + "profile.png").profile;
    std::vector<uint8_t> spread;
    for (size_t i = 0; i < grey.samples.size(); i += static_cast<size_t>(channels)) {
      spread.insert(spread.end(), 3, grey.samples[i]);
      if (channels == 2) spread.push_back(grey.samples[i + 1]);
    }
    const Photo again = decode_photo(encode_photo(grey, PhotoFormat::webp, {}, "p"), "p");
    EXPECT_EQ(again.channels, channels + 2);
    EXPECT_EQ(again.samples, spread);
    EXPECT_TRUE(again.profile.empty());
  }
}

// A fifth of the colours and four fifths of white; all of them; none.
TEST(Photo, SixteenBitsOverWhiteStaySixteen) {
  Photo clear{.height = 1, .width = 3, .channels = 4, .bits = 16};
  const uint16_t values[] = {1000, 40000, 65535, 13107, 1, 2, 3, 65535, 1, 2, 3, 0};
  const auto* const bytes = reinterpret_cast<const uint8_t*>(values);
  clear.samples.assign(bytes, bytes + sizeof(values));
  const Photo flat = over_white(clear);
  EXPECT_EQ(flat.channels, 3);
  EXPECT_EQ(flat.bits, 16);
  const std::vector<int> want = {52628, 60428, 65535, 1, 2, 3, 65535, 65535, 65535};
  ASSERT_EQ(flat.samples.size(), 2 * want.size());
  for (size_t i = 0; i < want.size(); i++) EXPECT_EQ(sample(flat, i), want[i]) << i;
}

// White is 255 and 65535, which is 257 times as much.
TEST(Photo, EveryLevelOfEightBitsIsOneOfSixteen) {
  Photo shallow{.height = 1, .width = 256, .channels = 1};
  for (int v = 0; v < 256; v++) shallow.samples.push_back(static_cast<uint8_t>(v));
  const Photo deep = in_16_bits(shallow);
  EXPECT_EQ(deep.bits, 16);
  ASSERT_EQ(deep.samples.size(), 2 * 256u);
  for (size_t v = 0; v < 256; v++) EXPECT_EQ(sample(deep, v), static_cast<int>(257 * v));
  EXPECT_EQ(in_8_bits(deep).samples, shallow.samples);
}

TEST(Photo, EveryLevelOfSixteenBitsBecomesTheNearestOfEight) {
  std::vector<uint16_t> levels(65536);
  for (size_t v = 0; v < levels.size(); v++) levels[v] = static_cast<uint16_t>(v);
  Photo deep{.height = 256, .width = 256, .channels = 1, .bits = 16};
  deep.samples.resize(2 * levels.size());
  std::memcpy(deep.samples.data(), levels.data(), deep.samples.size());
  const Photo shallow = in_8_bits(deep);
  EXPECT_EQ(shallow.bits, 8);
  ASSERT_EQ(shallow.samples.size(), levels.size());
  for (size_t v = 0; v < levels.size(); v++)
    ASSERT_EQ(shallow.samples[v], std::lround(static_cast<double>(v) / 257)) << v;
}

TEST(Photo, EveryCutOffFileIsRefusedByName) {
  const nlohmann::json all = expected();
  for (const auto& [name, unused] : all.items()) {
    const std::vector<uint8_t> bytes = read_file(kFolder + name);
    // The last bytes of some are not needed: a table of a second page, a trailer, text's last digits.
    const bool lean = name == "text.pgm" || name.ends_with(".tif") || name.ends_with(".gif") ||
                      name.ends_with(".jpg") || name == "animated.webp" || name == "turned.webp";
    for (size_t size = 0; size < bytes.size() / (lean ? 4 : 1) - (lean ? 0 : 4); size++) try {
        decode_photo(std::span(bytes).first(size), "cut.file");
        ADD_FAILURE() << name << " cut to " << size << " of " << bytes.size() << " bytes was read";
        break;
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("cut.file: "), 0u) << error.what();
      }
  }
}

// Under AddressSanitizer this is a small fuzzer.
TEST(Photo, DamagedBytesNeverEndInABadAccess) {
  std::mt19937 words(1);
  const nlohmann::json all = expected();
  for (const auto& [name, unused] : all.items()) {
    const std::vector<uint8_t> whole = read_file(kFolder + name);
    for (int trial = 0; trial < 100; trial++) {
      std::vector<uint8_t> bytes = whole;
      for (int k = 0; k < 3; k++) bytes[words() % bytes.size()] = static_cast<uint8_t>(words());
      try {
        decode_photo(bytes, name);
      } catch (const Error&) {
      }
    }
  }
}

// Two tiles or two strips of 16x16, of which the second is there, is cut off, or is left out.
TEST(Photo, ATiffWithoutAllOfItsSamplesIsRefused) {
  for (const bool tiled : {true, false})
    for (const uint32_t there : {256u, 255u, 0u}) {
      Bytes data(512, 200);
      for (const uint32_t n : {8u, there == 0 ? 0 : 264u, 256u, there})
        put_little_endian(data, n, 4);
      std::vector<TiffTag> tags = {{256, 16}, {257, 32}, {258, 8}, {259, 1}, {262, 1}};
      if (tiled)
        tags.insert(tags.end(),
                    {{277, 1}, {322, 16}, {323, 16}, {324, 8 + 512, 2}, {325, 8 + 520, 2}});
      else
        tags.insert(tags.end(), {{273, 8 + 512, 2}, {277, 1}, {278, 16}, {279, 8 + 520, 2}});
      const Bytes tiff = tiff_of(tags, data);
      if (there == 256)
        EXPECT_EQ(decode_photo(tiff, "tiff").samples, Bytes(512, 200));
      else
        EXPECT_THROW(decode_photo(tiff, "tiff"), Error) << tiled << " " << there;
    }
}

// libtiff fills what a JPEG inside lacks with grey.
TEST(Photo, ATiffWithHalfAJpegIsRefused) {
  const Photo grey = random_photo(1, 8);
  Bytes jpeg = encode_photo(grey, PhotoFormat::jpeg, {}, "jpeg");
  const auto in_tiff = [&] {
    return decode_photo(grey_tiff(static_cast<uint32_t>(grey.width),
                                  static_cast<uint32_t>(grey.height), 1, jpeg, 0, 7),
                        "tiff");
  };
  EXPECT_EQ(in_tiff().samples, decode_photo(jpeg, "jpeg").samples);
  jpeg.resize(jpeg.size() - 60);
  EXPECT_THROW(in_tiff(), Error);
}

TEST(Photo, WhatCannotBeHeldIsSaid) {
  const auto message = [](int64_t width, PhotoFormat format) {
    Photo wide{.height = 1, .width = width, .channels = 1};
    wide.samples.resize(static_cast<size_t>(width));
    return said([&] { encode_photo(wide, format, {}, "wide.x"); });
  };
  EXPECT_EQ(message(65500, PhotoFormat::jpeg), "accepted");
  EXPECT_EQ(message(65501, PhotoFormat::jpeg),
            "wide.x: a JPEG has at most 65500 pixels a side, not 65501x1");
  EXPECT_EQ(message(16383, PhotoFormat::webp), "accepted");
  EXPECT_EQ(message(16384, PhotoFormat::webp),
            "wide.x: a WebP has at most 16383 pixels a side, not 16384x1");
  EXPECT_EQ(message(70000, PhotoFormat::png), "accepted");
}

// A Softimage PIC that made stb_image's decoder of that format follow a null pointer, whatever its name.
TEST(Photo, APicIsNoPicture) {
  std::vector<uint8_t> bytes = {0x53, 0x80, 0xf6, 0x34};
  bytes.resize(88, 'c');
  for (const uint8_t byte : {0x50, 0x49, 0x43, 0x54, 0x00, 0x04, 0x00, 0x3f, 0x04, 0x00,
                             0x80, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x02, 0xe0})
    bytes.push_back(byte);
  for (int i = 0; i < 16; i++) bytes.push_back(static_cast<uint8_t>(0x140a83 >> 8 * (i % 3)));
  EXPECT_THROW(decode_photo(bytes, "a.jpg"), Error);
  EXPECT_FALSE(has_photo_extension("a.pic"));
  EXPECT_FALSE(why_unread("a.pic").empty());
}

TEST(Photo, ExtensionsInAnyCase) {
  for (const char* name : {"a.jpg", "a.jpeg", "a.jpe", "a.jfif", "a.png", "a.tif", "a.tiff",
                           "a.webp", "a.bmp", "a.tga", "a.gif", "a.psd", "a.ppm", "a.pgm", "a.pbm",
                           "a.pnm", "b.JPEG", "c.Png", "folder.d/e.TIF"}) {
    EXPECT_TRUE(has_photo_extension(name)) << name;
    EXPECT_EQ(why_unread(name), "");
  }
  for (const char* name : {"jpg", "a.txt", "a.jpg.part", ".png", "a.hdr", "a.heic", ""})
    EXPECT_FALSE(has_photo_extension(name)) << name;
}

TEST(Photo, WhatIsAPictureAndCannotBeReadIsNamed) {
  for (const std::string ending :
       {".pic", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".exr", ".hdr", ".svg",  ".dng", ".nef",
        ".cr2", ".cr3",  ".arw",  ".raf",  ".orf", ".rw2", ".pef", ".srw", ".HEIC", ".Nef"}) {
    EXPECT_FALSE(has_photo_extension("in/a" + ending));
    EXPECT_EQ(
        why_unread("in/a" + ending),
        "in/a" + ending + ": " + ending + " files cannot be read; save it as PNG, TIFF or JPEG");
  }
  for (const char* name : {"notes.txt", "heic", ".avif", "a.heic.part", ""})
    EXPECT_EQ(why_unread(name), "") << name;
}

TEST(Photo, EachFormatIsWrittenUnderItsName) {
  for (const auto& [format, name] : {std::pair{PhotoFormat::jpeg, ".jpg"},
                                     {PhotoFormat::tiff, ".tif"},
                                     {PhotoFormat::webp, ".webp"},
                                     {PhotoFormat::png, ".png"}}) {
    EXPECT_EQ(extension_of(format), std::string(name));
    EXPECT_TRUE(has_photo_extension("a" + std::string(name)));
  }
}

}  // namespace
}  // namespace dae::test
