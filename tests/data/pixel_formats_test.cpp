// One file of every pixel format, made here byte by byte, and what its format's description says that its
// samples are. What other programs make of such pictures: photo_test.cpp.
#include <gtest/gtest.h>

#include "data/files.h"
#include "data/photo.h"
#include "tests/support/photo_sample.h"
#include "tests/support/tiff_bytes.h"

namespace dae::test {
namespace {

constexpr uint32_t kWidth = 5, kHeight = 3;

// Any values of `bits` bits, among them the least and the largest.
std::vector<uint32_t> levels(int channels, int bits) {
  const uint32_t most = (1u << bits) - 1;
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < kWidth * kHeight * static_cast<uint32_t>(channels); i++)
    out.push_back(i == 0 ? most : i == 1 ? 0 : (i * 40503u + 977 * i * i) & most);
  return out;
}

void expect_samples(const Bytes& file, const std::string& name, int channels, int bits,
                    const std::vector<uint32_t>& want) {
  SCOPED_TRACE(name);
  const Photo photo = decode_photo(file, name);
  ASSERT_EQ(photo.width, kWidth);
  ASSERT_EQ(photo.height, kHeight);
  ASSERT_EQ(photo.channels, channels);
  ASSERT_EQ(photo.bits, bits);
  ASSERT_EQ(photo.samples.size(), want.size() * static_cast<size_t>(bits / 8));
  for (size_t i = 0; i < want.size(); i++)
    ASSERT_EQ(static_cast<uint32_t>(sample(photo, i)), want[i]) << i;
}

// Rows of samples of `bits` bits from the highest bit on; each begins with the filter's byte, none.
Bytes png_rows(const std::vector<uint32_t>& samples, int channels, int bits) {
  Bytes rows;
  const size_t row = kWidth * static_cast<size_t>(channels);
  for (size_t y = 0; y < kHeight; y++) {
    rows.push_back(0);
    uint32_t held = 0;
    int count = 0;
    for (size_t i = 0; i < row; i++) {
      held = held << bits | samples[y * row + i];
      for (count += bits; count >= 8; count -= 8)
        rows.push_back(static_cast<uint8_t>(held >> (count - 8)));
    }
    if (count > 0) rows.push_back(static_cast<uint8_t>(held << (8 - count)));
  }
  return rows;
}

TEST(PixelFormats, Png) {
  struct Kind {
    uint8_t colour_type;
    int channels;
  };
  for (const auto& [type, channels] : {Kind{0, 1}, {2, 3}, {4, 2}, {6, 4}})
    for (const int depth : {1, 2, 4, 8, 16}) {
      if (depth < 8 && type != 0) continue;
      const int bits = depth == 16 ? 16 : 8;
      const std::vector<uint32_t> given = levels(channels, depth);
      std::vector<uint32_t> want = given;
      for (uint32_t& v : want) v = v * ((1u << bits) - 1) / ((1u << depth) - 1);
      const Bytes rows = png_rows(given, channels, depth);
      const std::string name =
          "type " + std::to_string(type) + " of " + std::to_string(depth) + " bits";
      expect_samples(png_of(kWidth, kHeight, static_cast<uint8_t>(depth), type, rows), name,
                     channels, bits, want);
      if (channels % 2 == 0) continue;
      // With a colour that is transparent: that of the third pixel.
      const auto c = static_cast<size_t>(channels);
      Bytes key;
      for (size_t i = 0; i < c; i++) put_big_endian(key, given[2 * c + i], 2);
      std::vector<uint32_t> with_alpha;
      for (size_t pixel = 0; pixel < given.size() / c; pixel++) {
        bool hidden = true;
        for (size_t i = 0; i < c; i++) {
          with_alpha.push_back(want[pixel * c + i]);
          hidden = hidden && given[pixel * c + i] == given[2 * c + i];
        }
        with_alpha.push_back(hidden ? 0 : (1u << bits) - 1);
      }
      expect_samples(
          png_of(kWidth, kHeight, static_cast<uint8_t>(depth), type, rows, png_chunk("tRNS", key)),
          name + ", keyed", channels + 1, bits, with_alpha);
    }
}

TEST(PixelFormats, PngWithAPalette) {
  const Bytes colours = {1, 2, 3, 40, 50, 60, 250, 251, 252, 0, 255, 128}, alphas = {0, 100};
  for (const int depth : {2, 4, 8}) {
    std::vector<uint32_t> places, rgb, rgba;
    for (uint32_t i = 0; i < kWidth * kHeight; i++) {
      places.push_back(i * 7 % 4);
      for (uint32_t c = 0; c < 3; c++) rgb.push_back(colours[places[i] * 3 + c]);
      rgba.insert(rgba.end(), rgb.end() - 3, rgb.end());
      rgba.push_back(places[i] < 2 ? alphas[places[i]] : 255);
    }
    const Bytes rows = png_rows(places, 1, depth), palette = png_chunk("PLTE", colours);
    Bytes both = palette;
    put(both, png_chunk("tRNS", alphas));
    const auto bits = static_cast<uint8_t>(depth);
    expect_samples(png_of(kWidth, kHeight, bits, 3, rows, palette), "opaque", 3, 8, rgb);
    expect_samples(png_of(kWidth, kHeight, bits, 3, rows, both), "transparent", 4, 8, rgba);
  }
}

// What is sRGB names a gamma as well, for those that know no sRGB (PNG 1.2, 4.2.2.3).
TEST(PixelFormats, APngThatIsSrgbHasNoOtherColour) {
  Bytes value;
  put_big_endian(value, 45455);
  const Bytes gamma = png_chunk("gAMA", value);
  Bytes both = png_chunk("sRGB", Bytes{0});
  put(both, gamma);
  const auto colour_of = [](const Bytes& chunks) {
    return decode_photo(png_of(1, 1, 8, 0, {0, 7}, chunks), "png").png_colour;
  };
  ASSERT_TRUE(colour_of(gamma));
  EXPECT_EQ(colour_of(gamma)->gamma, 45455u);
  EXPECT_FALSE(colour_of(both));
}

// TIFF 6.0: one strip, little-endian or big-endian, with unassociated alpha.
TEST(PixelFormats, Tiff) {
  for (const bool big : {false, true})
    for (const int channels : {1, 2, 3, 4})
      for (const int bits : {8, 16}) {
        Bytes file, values;
        const auto add = [&](Bytes& to, uint32_t value, int bytes) {
          big ? put_big_endian(to, value, bytes) : put_little_endian(to, value, bytes);
        };
        const std::vector<uint32_t> samples = levels(channels, bits);
        for (const uint32_t sample : samples) add(values, sample, bits / 8);
        if (values.size() % 2 == 1) values.push_back(0);
        const auto after = static_cast<uint32_t>(8 + values.size());  // where bits a sample stand
        put(file, big ? "MM" : "II");
        add(file, 42, 2);
        add(file, after + 8, 4);
        put(file, values);
        for (int i = 0; i < 4; i++) add(file, static_cast<uint32_t>(bits), 2);
        const bool alpha = channels % 2 == 0;
        add(file, alpha ? 9 : 8, 2);
        const auto field = [&](uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
          add(file, tag, 2);
          add(file, type, 2);
          add(file, count, 4);
          if (type == 3 && count == 1) {
            add(file, value, 2);
            add(file, 0, 2);
          } else {
            add(file, value, 4);
          }
        };
        constexpr uint32_t kShort = 3, kLong = 4;
        const auto count = static_cast<uint32_t>(channels);
        field(256, kLong, 1, kWidth);
        field(257, kLong, 1, kHeight);
        if (channels == 2) {  // two shorts fit into the field itself
          add(file, 258, 2);
          add(file, kShort, 2);
          add(file, 2, 4);
          for (int i = 0; i < 2; i++) add(file, static_cast<uint32_t>(bits), 2);
        } else {
          field(258, kShort, count, channels == 1 ? static_cast<uint32_t>(bits) : after);
        }
        field(262, kShort, 1, channels < 3 ? 1 : 2);
        field(273, kLong, 1, 8);
        field(277, kShort, 1, count);
        field(278, kLong, 1, kHeight);
        field(279, kLong, 1,
              static_cast<uint32_t>(samples.size()) * static_cast<uint32_t>(bits / 8));
        if (alpha) field(338, kShort, 1, 2);
        add(file, 0, 4);
        expect_samples(
            file,
            std::to_string(channels) + " x " + std::to_string(bits) + (big ? ", big-endian" : ""),
            channels, bits, samples);
      }
}

// A profile of inks says nothing of the colours that they become. Those of other pictures are kept.
TEST(PixelFormats, AProfileOfInksIsLeftBehind) {
  const std::string folder = std::string(DAE_FIXTURES) + "/photos/";
  const Bytes profile = load_photo(folder + "profile.png").profile;
  ASSERT_FALSE(profile.empty());
  // In a segment APP2 (ICC.1:2010, B.4), here the first.
  Bytes segment;
  put(segment, "\xff\xe2");
  put_big_endian(segment, static_cast<uint32_t>(2 + 14 + profile.size()), 2);
  put(segment, std::string_view("ICC_PROFILE\0\1\1", 14));
  put(segment, profile);
  for (const std::string name : {"grey.jpg", "cmyk_adobe.jpg", "cmyk_plain.jpg"}) {
    Bytes jpeg = read_file(folder + name);
    const Bytes samples = decode_photo(jpeg, name).samples;
    jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
    const Photo photo = decode_photo(jpeg, name);
    EXPECT_EQ(photo.samples, samples) << name;
    EXPECT_EQ(photo.profile, name == "grey.jpg" ? profile : Bytes()) << name;
  }
  // In tag 34675 (B.3): of RGB, and of inks, none and then cyan alone.
  for (const bool inks : {false, true}) {
    Bytes data = {0, 0, 0, 0, 255, 0, 0, 0};
    put(data, profile);
    const Bytes tiff = tiff_of({{256, 2},
                                {257, 1},
                                {258, 8},
                                {259, 1},
                                {262, inks ? 5u : 2u},
                                {273, 8},
                                {277, inks ? 4u : 3u},
                                {278, 1},
                                {279, inks ? 8u : 6u},
                                {34675, 16, static_cast<uint32_t>(profile.size()), 7}},
                               data);
    const Photo photo = decode_photo(tiff, "tiff");
    EXPECT_EQ(photo.samples,
              inks ? Bytes({255, 255, 255, 0, 255, 255}) : Bytes({0, 0, 0, 0, 255, 0}));
    EXPECT_EQ(photo.profile, inks ? Bytes() : profile);
  }
}

TEST(PixelFormats, Pnm) {
  for (const int channels : {1, 3})
    for (const int bits : {8, 16}) {
      const std::vector<uint32_t> samples = levels(channels, bits);
      const std::string header = std::string(" 5 3 ") + (bits == 8 ? "255\n" : "65535\n");
      Bytes binary, text;
      put(binary, (channels == 1 ? "P5" : "P6") + header);
      put(text, (channels == 1 ? "P2" : "P3") + header);
      for (const uint32_t sample : samples) {
        put_big_endian(binary, sample, bits / 8);
        put(text, std::to_string(sample) + " ");
      }
      expect_samples(binary, "binary", channels, bits, samples);
      expect_samples(text, "text", channels, bits, samples);
    }
}

TEST(PixelFormats, WhatIsBeyondAPnmsLargestValueIsWhite) {
  for (const std::string text : {"P2 1 1 100\n300", "P5 1 1 100\n\xc8"})
    EXPECT_EQ(decode_photo(Bytes(text.begin(), text.end()), "pnm").samples, Bytes{255}) << text;
  const std::string deep = "P5 1 1 1000\n\xff\xfe";
  EXPECT_EQ(decode_photo(Bytes(deep.begin(), deep.end()), "pnm").samples, Bytes(2, 255));
}

// Adobe's description of PSD: a plane after the other, uncompressed. Without a fourth all is opaque.
TEST(PixelFormats, PsdOf16Bits) {
  const std::vector<uint32_t> samples = levels(3, 16);
  Bytes file;
  put(file, "8BPS");
  for (const uint32_t n : {1, 0, 0, 0, 3}) put_big_endian(file, n, 2);
  for (const uint32_t n : {kHeight, kWidth}) put_big_endian(file, n);
  for (const uint32_t n : {16, 3}) put_big_endian(file, n, 2);
  for (int i = 0; i < 3; i++) put_big_endian(file, 0);
  put_big_endian(file, 0, 2);
  for (size_t c = 0; c < 3; c++)
    for (size_t i = c; i < samples.size(); i += 3) put_big_endian(file, samples[i], 2);
  std::vector<uint32_t> want;
  for (size_t i = 0; i < samples.size(); i++) {
    want.push_back(samples[i]);
    if (i % 3 == 2) want.push_back(65535);
  }
  expect_samples(file, "psd", 4, 16, want);
}

// TGA 2.0, uncompressed, from the top: grey, and blue first with and without alpha.
TEST(PixelFormats, Tga) {
  for (const int channels : {1, 3, 4}) {
    const std::vector<uint32_t> samples = levels(channels, 8);
    Bytes file(18);
    file[2] = channels == 1 ? 3 : 2;
    file[12] = kWidth;
    file[14] = kHeight;
    file[16] = static_cast<uint8_t>(8 * channels);
    file[17] = static_cast<uint8_t>(0x20 | (channels == 4 ? 8 : 0));
    for (size_t i = 0; i < samples.size(); i += static_cast<size_t>(channels))
      for (size_t c = 0; c < static_cast<size_t>(channels); c++)
        file.push_back(static_cast<uint8_t>(samples[i + (channels > 1 && c < 3 ? 2 - c : c)]));
    expect_samples(file, std::to_string(channels), channels, 8, samples);
  }
}

}  // namespace
}  // namespace dae::test
