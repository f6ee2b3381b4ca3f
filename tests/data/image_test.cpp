// Image files against what Pillow reads from them (make_data_fixtures.py), and area averaging
// against a sum over exact overlaps.
#include "data/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "data/files.h"
#include "runtime/error.h"
#include "tests/support/json_file.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

const std::string kFolder = std::string(DAE_FIXTURES) + "/data/";

Image random_image(int64_t height, int64_t width) {
  std::mt19937 bits(static_cast<uint32_t>(height * 1000 + width));
  Image image{height, width, std::vector<uint8_t>(static_cast<size_t>(3 * height * width))};
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(bits());
  return image;
}

TEST(Image, ReadsWhatPillowReads) {
  const nlohmann::json expected = json_fixture("data/pixels.json");
  ASSERT_GE(expected.size(), 19u);
  for (const auto& [name, want] : expected.items()) {
    const Image image = load_image(kFolder + name);
    EXPECT_EQ(image.height, want.at("height")) << name;
    EXPECT_EQ(image.width, want.at("width")) << name;
    const auto pixels = want.at("pixels").get<std::vector<int>>();
    ASSERT_EQ(image.pixels.size(), pixels.size()) << name;
    // The standard leaves the rounding of a JPEG's inverse transform to the decoder.
    const int tolerance = name.ends_with(".jpg") ? 2 : 0;
    for (size_t i = 0; i < pixels.size(); i++)
      ASSERT_LE(std::abs(image.pixels[i] - pixels[i]), tolerance) << name << " value " << i;
  }
}

TEST(Image, EveryCutOffFileIsRefusedByName) {
  struct Case {
    const char* name;
    size_t idle;  // bytes at the end that decoding does not need
  };
  for (const auto& [name, idle] :
       {Case{"rgb.png", 4}, Case{"grey.png", 4},  // the checksum of an empty chunk
        Case{"baseline.jpg", 0}, Case{"progressive.jpg", 0}, Case{"rgb.bmp", 0},
        Case{"rgb.tga", 26},  // a footer
        Case{"rgb.ppm", 0}}) {
    const std::vector<uint8_t> bytes = read_file(kFolder + name);
    for (size_t size = 0; size < bytes.size() - idle; size++) {
      try {
        decode_image(std::span(bytes).first(size), "cut.file");
        ADD_FAILURE() << name << " cut to " << size << " of " << bytes.size() << " bytes was read";
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("cut.file: "), 0u) << error.what();
      }
    }
  }
}

TEST(Image, DamagedBytesNeverEndInABadAccess) {
  // Under AddressSanitizer this is a small fuzzer.
  std::mt19937 bits(1);
  for (const char* name : {"rgb.png", "baseline.jpg", "progressive.jpg", "orientation_6.jpg",
                           "rgb.bmp", "palette.gif"}) {
    const std::vector<uint8_t> whole = read_file(kFolder + name);
    for (int trial = 0; trial < 300; trial++) {
      std::vector<uint8_t> bytes = whole;
      for (int k = 0; k < 3; k++) bytes[bits() % bytes.size()] = static_cast<uint8_t>(bits());
      try {
        decode_image(bytes, name);
      } catch (const Error&) {
      }
    }
  }
}

TEST(Image, PngComesBackAsItWas) {
  const TemporaryFolder folder;
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 300}, {31, 33}}) {
    const Image image = random_image(height, width);
    save_png(folder.file("a.png"), image);
    const Image again = load_image(folder.file("a.png"));
    EXPECT_EQ(again.height, height);
    EXPECT_EQ(again.pixels, image.pixels);
  }
}

// Every output pixel is the integral of the input, as a step function, over the output's rectangle.
std::vector<double> averaged(const Image& image, int64_t height, int64_t width) {
  std::vector<double> out(static_cast<size_t>(3 * height * width));
  const double sy = double(image.height) / double(height), sx = double(image.width) / double(width);
  const auto overlap = [](double a0, double a1, double b0, double b1) {
    return std::max(0.0, std::min(a1, b1) - std::max(a0, b0));
  };
  for (int64_t y = 0; y < height; y++)
    for (int64_t x = 0; x < width; x++)
      for (int64_t i = 0; i < image.height; i++)
        for (int64_t j = 0; j < image.width; j++) {
          const double area =
              overlap(double(y) * sy, double(y + 1) * sy, double(i), double(i + 1)) *
              overlap(double(x) * sx, double(x + 1) * sx, double(j), double(j + 1)) / (sx * sy);
          for (int64_t c = 0; c < 3; c++)
            out[static_cast<size_t>((y * width + x) * 3 + c)] +=
                area * image.pixels[static_cast<size_t>((i * image.width + j) * 3 + c)];
        }
  return out;
}

TEST(Image, AreaAveragingIsExact) {
  struct Case {
    int64_t height, width, max_side, out_height, out_width;
  };
  for (const Case& c : {Case{40, 30, 20, 20, 15}, Case{31, 47, 20, 13, 20},
                        Case{33, 10, 32, 32, 10}, Case{1, 100, 7, 1, 7}, Case{5, 5, 1, 1, 1}}) {
    const Image image = random_image(c.height, c.width);
    const Image small = area_downscale(image, c.max_side);
    ASSERT_EQ(small.height, c.out_height);
    ASSERT_EQ(small.width, c.out_width);
    const std::vector<double> want = averaged(image, c.out_height, c.out_width);
    for (size_t i = 0; i < want.size(); i++)
      ASSERT_NEAR(small.pixels[i], want[i], 0.5 + 1e-9) << c.height << "x" << c.width << " " << i;
  }
  const Image image = random_image(9, 12);
  EXPECT_EQ(area_downscale(image, 12).pixels, image.pixels);
  EXPECT_EQ(area_downscale(image, 0).pixels, image.pixels);
}

}  // namespace
}  // namespace dae::test
