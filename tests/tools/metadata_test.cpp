// What files tell beside their pixels, from each format to each.
#include "tools/metadata.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <exiv2/exiv2.hpp>
#include <string_view>

#include "data/files.h"
#include "data/photo.h"

namespace dae::test {
namespace {

const std::string kFolder = std::string(DAE_FIXTURES) + "/photos/";

bool holds(const std::vector<uint8_t>& bytes, std::string_view text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

// told.* hold a date, a maker, a place and a title in Exif and XMP, and are turned by a quarter; Pillow wrote
// them (make_photo_fixtures.py).
TEST(Metadata, IsCarriedFromEveryFormatToEvery) {
  for (const char* const name : {"told.jpg", "told.png", "told.tif", "told.webp"})
    for (const PhotoFormat format :
         {PhotoFormat::jpeg, PhotoFormat::png, PhotoFormat::tiff, PhotoFormat::webp}) {
      SCOPED_TRACE(std::string(name) + " to " + extension_of(format));
      const std::vector<uint8_t> original = read_file(kFolder + name);
      const Photo photo = decode_photo(original, name);
      EXPECT_GT(photo.height, photo.width) << "turned upright";
      std::string problem;
      const std::vector<uint8_t> made =
          with_metadata(encode_photo(photo, format, {}, "p"), original, problem);
      EXPECT_EQ(problem, "");
      EXPECT_TRUE(made_here(made));
      const Photo again = decode_photo(made, "made");
      EXPECT_EQ(again.height, photo.height) << "turned once, not twice";
      EXPECT_EQ(again.profile, photo.profile);
      if (format != PhotoFormat::jpeg && (format != PhotoFormat::webp || photo.lossless)) {
        EXPECT_EQ(again.samples, photo.samples);
      }
      const auto image = Exiv2::ImageFactory::open(made.data(), static_cast<long>(made.size()));
      image->readMetadata();
      EXPECT_EQ(image->exifData()["Exif.Image.Make"].toString(), "A maker");
      EXPECT_EQ(image->exifData()["Exif.Image.DateTime"].toString(), "2026:01:02 03:04:05");
      const bool has_xmp = std::string_view(name) != "told.png";  // where Pillow writes none
      EXPECT_EQ(holds(made, "A title"), has_xmp);
    }
}

TEST(Metadata, WhatIsDamagedIsLeftBehindAndSaid) {
  const Photo photo = load_photo(kFolder + "profile.png");
  const std::vector<uint8_t> plain = encode_photo(photo, PhotoFormat::png, {}, "p");
  EXPECT_FALSE(made_here(plain));
  std::string problem;
  const std::vector<uint8_t> made =
      with_metadata(plain, std::vector<uint8_t>{'n', 'o', ' ', 'p', 'i', 'c'}, problem);
  EXPECT_NE(problem, "");
  EXPECT_EQ(decode_photo(made, "made").samples, photo.samples);
  problem.clear();
  EXPECT_TRUE(made_here(with_metadata(plain, {}, problem)));
  EXPECT_EQ(problem, "");
  EXPECT_FALSE(made_here({}));
}

}  // namespace
}  // namespace dae::test
