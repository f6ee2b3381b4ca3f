// Pictures on their way to a GPU: every byte arrives, of whole pictures or of views, where the
// tables say that it lies.
#include "corrupt/pictures.h"

#include <gtest/gtest.h>

#include <cstring>

#include "runtime/device.h"
#include "tests/support/corrupt_run.h"
#include "tests/support/on_device.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

class PicturesTest : public OnDevice {};

// More than two chunks of 4 MiB, so that the first one's memory is filled once more; chunks end
// amid rows, one of them in the picture that is given.
TEST_P(PicturesTest, EveryByteArrives) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "nothing is uploaded to the CPU";
  const Picture first(700, 1000, 1), clean(600, 900, 2), given(600, 900, 3), dot(1, 1, 4),
      last(1100, 1313, 5);
  std::vector<Source> sources = {first.source(), clean.source(), dot.source(), last.source()};
  sources[1].given = given.pixels.data();
  sources[3].width = 1300;  // in rows of 1313
  for (const Variant& variant : variants(GetParam())) {
    SCOPED_TRACE(variant.name);
    variant.apply();
    const ResidentPictures there = upload_pictures(sources);
    ASSERT_EQ(there.pixels.bytes(), 9'630'003u);
    std::vector<uint8_t> bytes(there.pixels.bytes());
    copy_between_devices(bytes.data(), there.pixels.data(), bytes.size());
    const auto* const begin = reinterpret_cast<const uint8_t*>(there.pixels.data());
    ASSERT_EQ(there.table.size(), sources.size());
    for (size_t i = 0; i < sources.size(); i++) {
      const Source &want = sources[i], &got = there.table[i];
      EXPECT_EQ(got.height, want.height);
      EXPECT_EQ(got.width, want.width);
      EXPECT_EQ(got.given != nullptr, want.given != nullptr);
      for (const auto& [from, to] : {std::pair(want.pixels, got.pixels), {want.given, got.given}})
        for (int64_t y = 0; y < want.height && from != nullptr; y++) {
          const int64_t at = to - begin + y * got.row_bytes;
          ASSERT_GE(at, 0);
          ASSERT_LE(at + 3 * want.width, static_cast<int64_t>(bytes.size()));
          ASSERT_EQ(std::memcmp(&bytes[static_cast<size_t>(at)], from + y * want.row_bytes,
                                static_cast<size_t>(3 * want.width)),
                    0)
              << "picture " << i << " row " << y;
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, PicturesTest, testing::ValuesIn(tested_devices()), device_name);

// Sizes and places alone: none of these pixels is looked at.
const uint8_t kPixel = 0;
const Source kAlone{&kPixel, 100, 3, 4}, kPair{&kPixel, 15, 2, 5, &kPixel},
    kVast{&kPixel, 150'000, 50'000, 50'000};

TEST(Pictures, BytesAreThoseOfPixelsAndOfPairsTwice) {
  EXPECT_EQ(bytes_of({}), 0u);
  EXPECT_EQ(bytes_of(std::vector{kAlone}), 36u);
  EXPECT_EQ(bytes_of(std::vector{kAlone, kPair}), 96u);
  EXPECT_EQ(bytes_of(std::vector{kVast}), 7'500'000'000u);
  EXPECT_EQ(slot_bytes(std::vector{kAlone, kAlone}, 6, 7), 126u);
  EXPECT_EQ(slot_bytes(std::vector{kPair, kPair}, 6, 7), 252u);
}

TEST(Pictures, SlotsLieOneAfterAnother) {
  const std::vector<std::byte> memory(3 * 252);
  for (const Source& source : {kAlone, kPair}) {
    const int64_t slot = source.given != nullptr ? 252 : 126;
    const std::vector<Source> table = slot_table(std::vector{source}, memory.data(), 3, 6, 7);
    ASSERT_EQ(table.size(), 3u);
    for (size_t i = 0; i < 3; i++) {
      const auto* const at = reinterpret_cast<const uint8_t*>(memory.data()) + int64_t(i) * slot;
      EXPECT_EQ(table[i].pixels, at);
      EXPECT_EQ(table[i].given, source.given != nullptr ? at + 126 : nullptr);
      EXPECT_EQ(table[i].row_bytes, 21);
      EXPECT_EQ(table[i].height, 6);
      EXPECT_EQ(table[i].width, 7);
    }
  }
}

Draw draw_of(const View& view) {
  Draw draw;
  draw.view = view;
  return draw;
}

constexpr int64_t kHeight = 12, kWidth = 16, kView = 3 * kHeight * kWidth;

// Inside a picture, beyond its edges and all around it; flipped and not.
TEST(Pictures, ViewsAreCutOutOneAfterAnother) {
  const Picture a(20, 33, 1), b(9, 14, 2), a_given(20, 33, 3), b_given(9, 14, 4);
  const std::vector<View> views = {
      {0, 3, 4}, {0, 8, 17, true}, {1, -2, -1}, {0, 15, 30, true}, {1, -3, 0, true}};
  for (const bool paired : {false, true}) {
    std::vector<Source> sources = {a.source(), b.source()};
    if (paired) sources[0].given = a_given.pixels.data(), sources[1].given = b_given.pixels.data();
    std::vector<Draw> draws;
    std::vector<uint8_t> want;
    for (const View& view : views) {
      draws.push_back(draw_of(view));
      const Source& source = sources[static_cast<size_t>(view.image)];
      for (const uint8_t* const pixels : {source.pixels, source.given})
        for (int64_t at = 0; at < kView && pixels != nullptr; at++) {
          const int64_t y = at / (3 * kWidth), x = at / 3 % kWidth;
          const int64_t row = mirrored(view.y + y, source.height),
                        column = mirrored(view.x + (view.flip ? kWidth - 1 - x : x), source.width);
          want.push_back(pixels[(row * source.width + column) * 3 + at % 3]);
        }
    }
    std::vector<uint8_t> got(want.size());
    cut_views(sources, kHeight, kWidth, 100, draws, got.data());
    EXPECT_EQ(got, want) << (paired ? "of pairs" : "");
    for (size_t i = 0; i < draws.size(); i++) {
      const View& view = draws[i].view;
      EXPECT_EQ(view.image, 100 + static_cast<int64_t>(i)) << "its slot, of which it is the whole";
      EXPECT_TRUE(view.y == 0 && view.x == 0 && !view.flip);
    }
  }
}

// A third picture lies behind the two that are given.
TEST(Pictures, AViewOfAnImageThatThereIsNotIsRefused) {
  const std::vector<Picture> pictures = {{20, 33, 1}, {20, 33, 2}, {20, 33, 3}};
  std::vector<Source> sources;
  for (const Picture& picture : pictures) sources.push_back(picture.source());
  std::vector<uint8_t> pixels(2 * kView, 77);
  for (const auto& [image, sentence] : {std::pair(-1, "cut_views: image -1 of 2"),
                                        {2, "cut_views: image 2 of 2"},
                                        {1, "accepted"}}) {
    std::vector<Draw> draws = {draw_of({0, 3, 4, true}), draw_of({image, 5, 6})};
    const bool refused = image != 1;
    EXPECT_EQ(said([&] {
                cut_views(std::span(sources).first(2), kHeight, kWidth, 40, draws, pixels.data());
              }),
              sentence);
    EXPECT_EQ(draws[0].view.image, refused ? 0 : 40);
    EXPECT_EQ(draws[0].view.flip, refused);
    EXPECT_EQ(draws[1].view.image, refused ? image : 41);
    EXPECT_EQ(pixels == std::vector<uint8_t>(2 * kView, 77), refused);
  }
}

}  // namespace
}  // namespace dae::test
