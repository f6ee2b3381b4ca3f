// Windows of pictures of every type and number of channels, and what is hidden by transparency.
#include "restore/samples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace dae::test {
namespace {

template <class T>
Samples samples_of(const std::vector<T>& values, int channels, int64_t height, int64_t width) {
  const SampleType type = sizeof(T) == 1   ? SampleType::u8
                          : sizeof(T) == 2 ? SampleType::u16
                                           : SampleType::f32;
  return {values.data(), type, channels, height, width};
}

std::vector<float> window(const Samples& from, int64_t top, int64_t left, int64_t rows,
                          int64_t columns) {
  std::vector<float> rgb(static_cast<size_t>(rows * columns * 3));
  read_window(from, top, left, rows, columns, rgb.data());
  return rgb;
}

TEST(Samples, AWindowIsReadAsRgbAndReflectsOutside) {
  const std::vector<uint8_t> grey = {0, 51, 255};
  EXPECT_EQ(window(samples_of(grey, 1, 1, 3), 0, -1, 1, 5),
            (std::vector<float>{.2f, .2f, .2f, 0, 0, 0, .2f, .2f, .2f, 1, 1, 1, .2f, .2f, .2f}));
  const std::vector<uint16_t> rgba = {0, 65535, 13107, 7, 65535, 0, 0, 9};
  EXPECT_EQ(window(samples_of(rgba, 4, 2, 1), 0, 0, 2, 1),
            (std::vector<float>{0, 1, .2f, 1, 0, 0}));
  const std::vector<float> floats = {-.5f, 2, .25f};
  EXPECT_EQ(window(samples_of(floats, 3, 1, 1), 3, -2, 1, 1), floats);
}

TEST(Samples, AWindowIsWrittenRoundedAndAlphaIsLeftAlone) {
  const std::vector<float> rgb = {.1f, .2f, .3f, 9, 9, 9, -1, .5f, 2, 9, 9, 9};  // stride 2
  std::vector<uint8_t> rgba(2 * 2 * 4, 7);
  write_window({rgba.data(), SampleType::u8, 4, 2, 2}, 0, 1, 2, 1, rgb.data(), 2);
  // 25.5 rounds away from zero, as lround does; 76.5, in f32, is a little more.
  EXPECT_EQ(rgba, (std::vector<uint8_t>{7, 7, 7, 7, 26, 51, 77, 7, 7, 7, 7, 7, 0, 128, 255, 7}));
  std::vector<uint16_t> grey(2, 7);
  write_window({grey.data(), SampleType::u16, 1, 1, 2}, 0, 0, 1, 1, rgb.data(), 2);
  EXPECT_EQ(grey, (std::vector<uint16_t>{13107, 7}));  // the mean of .1, .2 and .3
  std::vector<float> floats(3);
  write_window({floats.data(), SampleType::f32, 3, 1, 1}, 0, 0, 1, 1, &rgb[6], 2);
  EXPECT_EQ(floats, (std::vector<float>{-1, .5f, 2})) << "not clamped";
}

TEST(Samples, WhatIsHiddenIsMarked) {
  const std::vector<uint8_t> picture = {10, 0, 20, 1, 30, 0};
  std::vector<float> rgb(4 * 3);
  mark_hidden(samples_of(picture, 2, 1, 3), 0, -1, 1, 4, rgb.data());
  for (size_t i = 0; i < rgb.size(); i++)  // pixels 1, 0, 1 and 2
    EXPECT_EQ(std::isnan(rgb[i]), i / 3 == 1 || i / 3 == 3) << i;
  const std::vector<uint8_t> without = {0, 0, 0};
  std::vector<float> one(3);
  mark_hidden(samples_of(without, 3, 1, 1), 0, 0, 1, 1, one.data());
  EXPECT_EQ(one, std::vector<float>(3));
}

TEST(Samples, WhatIsHiddenTakesTheColourOfWhatIsSeenCloseBy) {
  // Grey and alpha: a black hole of three in a row from 10 to 90, then a faint 30.
  const std::vector<uint8_t> picture = {10, 255, 0, 0, 0, 0, 0, 0, 90, 255, 30, 1};
  const std::vector<std::byte> filled = with_hidden_filled(samples_of(picture, 2, 1, 6));
  ASSERT_EQ(filled.size(), picture.size());
  std::vector<uint8_t> bytes(filled.size());
  std::memcpy(bytes.data(), filled.data(), bytes.size());
  EXPECT_EQ(bytes, (std::vector<uint8_t>{10, 255, 10, 0, 10, 0, 90, 0, 90, 255, 30, 1}));
  std::vector<uint8_t> restored = {1, 255, 2, 0, 3, 0, 4, 0, 5, 255, 6, 1};
  put_hidden_back(samples_of(picture, 2, 1, 6), restored.data());
  EXPECT_EQ(restored, (std::vector<uint8_t>{1, 255, 0, 0, 0, 0, 0, 0, 5, 255, 6, 1}));
  const std::vector<uint8_t> none = {10, 255, 20, 3}, all = {10, 0, 20, 0};
  EXPECT_TRUE(with_hidden_filled(samples_of(none, 2, 1, 2)).empty());
  EXPECT_TRUE(with_hidden_filled(samples_of(all, 2, 1, 2)).empty());
  EXPECT_TRUE(with_hidden_filled(samples_of(none, 1, 1, 4)).empty());
}

// Down and up as well: two hidden rows over one that is seen, and one under it.
TEST(Samples, WhatIsHiddenTakesTheColourOfRowsAboveAndBelow) {
  const std::vector<uint8_t> picture = {1, 0, 2, 0, 3, 0, 4, 0, 10, 255, 20, 9, 5, 0, 6, 0};
  const std::vector<std::byte> filled = with_hidden_filled(samples_of(picture, 2, 4, 2));
  ASSERT_EQ(filled.size(), picture.size());
  std::vector<uint8_t> bytes(filled.size());
  std::memcpy(bytes.data(), filled.data(), bytes.size());
  EXPECT_EQ(bytes,
            (std::vector<uint8_t>{10, 0, 20, 0, 10, 0, 20, 0, 10, 255, 20, 9, 10, 0, 20, 0}));
}

// A pixel at each place, the first and the last among them, of every type and with one colour and three.
template <class T>
void expect_hidden_put_back() {
  for (const int channels : {2, 4}) {
    const auto width = static_cast<size_t>(channels);
    for (size_t hidden = 0; hidden < 6; hidden++) {
      std::vector<T> picture(6 * width), restored(picture.size());
      for (size_t i = 0; i < picture.size(); i++)
        picture[i] = static_cast<T>(i + 1), restored[i] = static_cast<T>(100 + i);
      picture[(hidden + 1) * width - 1] = 0;
      std::vector<T> expected = restored;
      for (size_t c = 0; c < width; c++) expected[hidden * width + c] = picture[hidden * width + c];
      const Samples samples = samples_of(picture, channels, 2, 3);
      put_hidden_back(samples, restored.data());
      EXPECT_EQ(restored, expected) << channels << " channels, pixel " << hidden;
      EXPECT_EQ(samples.bytes(), picture.size() * sizeof(T));
    }
  }
}

TEST(Samples, WhatIsHiddenIsPutBackAsItWas) {
  expect_hidden_put_back<uint8_t>();
  expect_hidden_put_back<uint16_t>();
  expect_hidden_put_back<float>();
}

}  // namespace
}  // namespace dae::test
