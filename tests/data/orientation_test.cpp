// How a picture is turned, sample by sample. What files say of it: image_test.cpp, photo_test.cpp.
#include "data/orientation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <string>

#include "tests/support/photo_sample.h"

namespace dae::test {
namespace {

struct Place {
  int64_t row, column;
};

// Where it is stored what is seen at y and x: Exif 2.3, 4.6.4, says of each orientation at which
// side the first row and the first column are seen.
Place stored_at(int orientation, int64_t y, int64_t x, int64_t height, int64_t width) {
  switch (orientation) {
    case 2:
      return {y, width - 1 - x};
    case 3:
      return {height - 1 - y, width - 1 - x};
    case 4:
      return {height - 1 - y, x};
    case 5:
      return {x, y};
    case 6:
      return {height - 1 - x, y};
    case 7:
      return {height - 1 - x, width - 1 - y};
    case 8:
      return {x, width - 1 - y};
    default:
      return {y, x};
  }
}

// PNG and WebP have a block without the head that a JPEG file's has; some programs write it all the same.
TEST(Orientation, OfABlockWithItsHeadAndWithout) {
  const std::string head("Exif\0\0", 6),
      block("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 26);
  const auto orientation_of = [](const std::string& bytes) {
    return exif_block_orientation({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(orientation_of(block), 6);
  EXPECT_EQ(orientation_of(head + block), 6);
  EXPECT_EQ(orientation_of(""), 1);
  EXPECT_EQ(orientation_of(head), 1);
}

TEST(Orientation, EverySampleIsSeenWhereExifSays) {
  for (const int bits : {8, 16})
    for (const int channels : {1, 2, 3, 4})
      for (int orientation = 0; orientation <= 9; orientation++) {
        SCOPED_TRACE(std::to_string(channels) + " x " + std::to_string(bits) + ", orientation " +
                     std::to_string(orientation));
        Photo stored{.height = 3, .width = 5, .channels = channels, .bits = bits};
        stored.samples.resize(static_cast<size_t>(stored.bytes()));
        std::iota(stored.samples.begin(), stored.samples.end(), uint8_t{1});  // no byte twice
        const Photo seen = upright(stored, orientation);
        const bool turned = orientation >= 5 && orientation <= 8;
        ASSERT_EQ(seen.height, turned ? 5 : 3);
        ASSERT_EQ(seen.width, turned ? 3 : 5);
        ASSERT_EQ(seen.channels, channels);
        ASSERT_EQ(seen.bits, bits);
        ASSERT_EQ(seen.samples.size(), stored.samples.size());
        for (int64_t y = 0; y < seen.height; y++)
          for (int64_t x = 0; x < seen.width; x++)
            for (int c = 0; c < channels; c++) {
              const Place from = stored_at(orientation, y, x, 3, 5);
              ASSERT_EQ(
                  sample(seen, static_cast<size_t>((y * seen.width + x) * channels + c)),
                  sample(stored, static_cast<size_t>((from.row * 5 + from.column) * channels + c)))
                  << y << " " << x << " " << c;
            }
      }
}

}  // namespace
}  // namespace dae::test
