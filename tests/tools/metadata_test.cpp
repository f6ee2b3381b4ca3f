// What files tell beside their pixels, from each format to each.
#include "tools/metadata.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <exiv2/exiv2.hpp>
#include <fstream>
#include <functional>
#include <string_view>

#include "data/files.h"
#include "data/photo.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

const std::string kFolder = std::string(DAE_FIXTURES) + "/photos/";
constexpr PhotoFormat kFormats[] = {PhotoFormat::jpeg, PhotoFormat::png, PhotoFormat::tiff,
                                    PhotoFormat::webp};

bool holds(const std::vector<uint8_t>& bytes, std::string_view text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

Exiv2::Image::AutoPtr opened(const std::vector<uint8_t>& file) {
  auto image = Exiv2::ImageFactory::open(file.data(), static_cast<long>(file.size()));
  image->readMetadata();
  return image;
}

// A file that tells what `tell` adds.
std::vector<uint8_t> told(const std::vector<uint8_t>& file,
                          const std::function<void(Exiv2::Image&)>& tell) {
  const auto image = opened(file);
  tell(*image);
  image->writeMetadata();
  Exiv2::BasicIo& io = image->io();
  io.seek(0, Exiv2::BasicIo::beg);
  std::vector<uint8_t> bytes(static_cast<size_t>(io.size()));
  EXPECT_EQ(io.read(bytes.data(), static_cast<long>(bytes.size())), io.size());
  return bytes;
}

// told.* hold a date, a maker, a place and a title in Exif and XMP, and are turned by a quarter; Pillow wrote
// them (make_photo_fixtures.py).
TEST(Metadata, IsCarriedFromEveryFormatToEvery) {
  for (const char* const name : {"told.jpg", "told.png", "told.tif", "told.webp"})
    for (const PhotoFormat format : kFormats) {
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
      const auto image = opened(made);
      EXPECT_EQ(image->exifData()["Exif.Image.Make"].toString(), "A maker");
      EXPECT_EQ(image->exifData()["Exif.Image.DateTime"].toString(), "2026:01:02 03:04:05");
      const bool has_xmp = std::string_view(name) != "told.png";  // where Pillow writes none
      EXPECT_EQ(holds(made, "A title"), has_xmp);
    }
}

// What agencies write beside Exif.
TEST(Metadata, ACaptionOfIptcIsCarried) {
  const std::string key = "Iptc.Application2.Caption", caption = "A caption";
  const std::vector<uint8_t> plain =
      encode_photo(load_photo(kFolder + "profile.png"), PhotoFormat::jpeg, {}, "p");
  const std::vector<uint8_t> original =
      told(plain, [&](Exiv2::Image& image) { image.iptcData()[key] = caption; });
  std::string problem;
  const std::vector<uint8_t> made = with_metadata(plain, original, problem);
  EXPECT_EQ(problem, "");
  EXPECT_EQ(opened(made)->iptcData()[key].toString(), caption);
}

// Where and how a picture was taken lies in directories of their own.
TEST(Metadata, APlaceAndAnExposureAreCarriedFromEveryFormatToEvery) {
  const std::string place = "Exif.GPSInfo.GPSLatitude", exposure = "Exif.Photo.ExposureTime";
  const Photo photo = load_photo(kFolder + "profile.png");
  for (const PhotoFormat from : kFormats) {
    const std::vector<uint8_t> original =
        told(encode_photo(photo, from, {}, "p"), [&](Exiv2::Image& image) {
          image.exifData()[place] = std::string("52/1 30/1 0/1");
          image.exifData()[exposure] = std::string("1/125");
        });
    for (const PhotoFormat to : kFormats) {
      SCOPED_TRACE(extension_of(from) + std::string(" to ") + extension_of(to));
      std::string problem;
      const std::vector<uint8_t> made =
          with_metadata(encode_photo(photo, to, {}, "p"), original, problem);
      EXPECT_EQ(problem, "");
      const auto image = opened(made);
      EXPECT_EQ(image->exifData()[place].toString(), "52/1 30/1 0/1");
      EXPECT_EQ(image->exifData()[exposure].toString(), "1/125");
    }
  }
}

// The small picture would be of what was there before, and the turn is made; in XMP it is told, too.
TEST(Metadata, WhatIsNoLongerSoIsLeftBehind) {
  const std::string turned = "Xmp.tiff.Orientation", small = "Exif.Thumbnail.Compression";
  const Photo photo = load_photo(kFolder + "profile.png");
  const std::vector<uint8_t> thumbnail = encode_photo(photo, PhotoFormat::jpeg, {}, "p");
  const std::vector<uint8_t> original =
      told(read_file(kFolder + "told.jpg"), [&](Exiv2::Image& image) {
        image.xmpData()[turned] = std::string("6");
        Exiv2::ExifThumb(image.exifData())
            .setJpegThumbnail(thumbnail.data(), static_cast<long>(thumbnail.size()));
      });
  const auto before = opened(original);
  ASSERT_EQ(before->xmpData()[turned].toString(), "6");
  ASSERT_EQ(before->exifData()[small].toString(), "6") << "a JPEG picture";
  for (const PhotoFormat format : kFormats) {
    std::string problem;
    const std::vector<uint8_t> made =
        with_metadata(encode_photo(photo, format, {}, "p"), original, problem);
    EXPECT_EQ(problem, "");
    EXPECT_TRUE(holds(made, "A title")) << extension_of(format);
    const auto image = opened(made);
    for (const Exiv2::Xmpdatum& entry : image->xmpData()) EXPECT_NE(entry.key(), turned);
    for (const Exiv2::Exifdatum& tag : image->exifData())
      EXPECT_NE(tag.groupName(), "Thumbnail") << extension_of(format) << ": " << tag.key();
  }
}

TEST(Metadata, WhatIsDamagedIsLeftBehindAndSaid) {
  const Photo photo = load_photo(kFolder + "profile.png");
  const std::vector<uint8_t> plain = encode_photo(photo, PhotoFormat::png, {}, "p");
  EXPECT_FALSE(made_here(plain));
  std::string problem;
  const std::vector<uint8_t> made =
      with_metadata(plain, std::vector<uint8_t>{0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff, 'x'}, problem);
  EXPECT_NE(problem, "");
  EXPECT_EQ(decode_photo(made, "made").samples, photo.samples);
  problem.clear();
  EXPECT_TRUE(made_here(with_metadata(plain, {}, problem)));
  EXPECT_EQ(problem, "");
  EXPECT_FALSE(made_here({}));
}

// Entries of types that there are not: Exiv2 copies them into files where it finds nothing again, nor the
// signature.
TEST(Metadata, IsReadAgainOrLeftBehind) {
  const std::vector<uint8_t> original =
      read_file(std::string(DAE_SOURCE) + "/tests/fuzz/findings/metadata/unread-entries.tif");
  const Photo photo = load_photo(kFolder + "profile.png");
  for (const PhotoFormat format : kFormats) {
    std::string problem;
    const std::vector<uint8_t> plain = encode_photo(photo, format, {}, "p");
    EXPECT_TRUE(made_here(with_metadata(plain, original, problem))) << extension_of(format);
  }
}

// Exiv2 reads more formats than are pictures here.
TEST(Metadata, IsTakenFromPicturesThatAreReadHere) {
  const std::string_view sidecar =
      "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
      "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
      "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmp:Label=\"A sidecar\"/></rdf:RDF></x:xmpmeta>"
      "<?xpacket end=\"w\"?>";
  const std::vector<uint8_t> plain =
      encode_photo(load_photo(kFolder + "profile.png"), PhotoFormat::png, {}, "p");
  std::string problem;
  const std::vector<uint8_t> bytes(sidecar.begin(), sidecar.end());
  EXPECT_FALSE(holds(with_metadata(plain, bytes, problem), "A sidecar"));
  EXPECT_EQ(problem, "");
}

TEST(Metadata, AFolderThatCannotBeMadeIsNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("file")) << "no folder";
  const std::string below = folder.file("file") + "/in";
  EXPECT_EQ(said([&] { write_picture(below + "/a.png", {}); }),
            "cannot make " + below + ": Not a directory");
}

}  // namespace
}  // namespace dae::test
