#include "tools/metadata.h"

#include <dae/version.h>

#include <algorithm>
#include <exiv2/exiv2.hpp>
#include <iterator>
#include <string_view>

#include "data/files.h"
#include "data/formats/formats.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr const char* kSoftware = "Exif.Image.ProcessingSoftware";
constexpr const char* kSignature = "dae ";  // and the version

// Tags of the first directory that say how pixels lie in the file (TIFF 6.0, baseline and after).
bool describes_the_file(const Exiv2::Exifdatum& tag) {
  static constexpr uint16_t kTags[] = {
      0x00fe, 0x00ff, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109,
      0x010a, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x011c, 0x013d,
      0x0140, 0x0141, 0x0142, 0x0143, 0x0144, 0x0145, 0x014a, 0x0152, 0x0153, 0x015b,
      0x0200, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214, 0x8773, 0xa002, 0xa003};
  const std::string group = tag.groupName();
  if (group.starts_with("SubImage") || group.starts_with("Thumbnail") ||
      group.starts_with("Image2"))
    return true;
  return (group == "Image" || group == "Photo") &&
         std::find(std::begin(kTags), std::end(kTags), tag.tag()) != std::end(kTags);
}

// Exiv2 would try its readers of cameras' raw files as well, on what decodes as another format here.
bool is_read_here(std::span<const uint8_t> bytes) {
  constexpr std::string_view kPsd = "8BPS";
  return formats::is_jpeg(bytes) || formats::is_png(bytes) || formats::is_tiff(bytes) ||
         formats::is_webp(bytes) ||
         (bytes.size() >= kPsd.size() && std::equal(kPsd.begin(), kPsd.end(), bytes.begin()));
}

Exiv2::Image::AutoPtr open(std::span<const uint8_t> bytes) {
  Exiv2::LogMsg::setLevel(Exiv2::LogMsg::mute);
  auto image = Exiv2::ImageFactory::open(bytes.data(), static_cast<long>(bytes.size()));
  image->readMetadata();
  return image;
}

void copy(const Exiv2::Image& from, Exiv2::Image& to) {
  Exiv2::ExifData& exif = to.exifData();
  for (const Exiv2::Exifdatum& tag : from.exifData())
    if (!describes_the_file(tag) && exif.findKey(Exiv2::ExifKey(tag.key())) == exif.end())
      exif.add(tag);
  Exiv2::XmpData& xmp = to.xmpData();
  for (const Exiv2::Xmpdatum& entry : from.xmpData())
    if (entry.key() != "Xmp.tiff.Orientation") xmp.add(entry);
  if (to.supportsMetadata(Exiv2::mdIptc)) to.setIptcData(from.iptcData());
}

// With what `from` tells, if anything.
std::vector<uint8_t> signed_copy(std::span<const uint8_t> made, const Exiv2::Image* from) {
  auto to = open(made);
  if (from) copy(*from, *to);
  to->exifData()[kSoftware] = kSignature + std::string(version());
  to->writeMetadata();
  Exiv2::BasicIo& io = to->io();
  io.seek(0, Exiv2::BasicIo::beg);
  std::vector<uint8_t> bytes(static_cast<size_t>(io.size()));
  if (io.read(bytes.data(), static_cast<long>(bytes.size())) != static_cast<long>(bytes.size()))
    fail("it cannot be written");
  return bytes;
}

}  // namespace

std::vector<uint8_t> with_metadata(std::vector<uint8_t> made, std::span<const uint8_t> original,
                                   std::string& problem) {
  try {
    if (is_read_here(original)) try {
        std::vector<uint8_t> told = signed_copy(made, open(original).get());
        if (made_here(told)) return told;
        problem = "what it tells is damaged";  // and would not be read again, nor the signature
      } catch (const std::exception& error) {
        problem = error.what();
      }
    return signed_copy(made, nullptr);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  return made;
}

std::string write_picture(const std::filesystem::path& to, std::vector<uint8_t> made,
                          std::span<const uint8_t> original) {
  std::string problem;
  made = with_metadata(std::move(made), original, problem);
  std::error_code error;
  if (to.has_parent_path()) std::filesystem::create_directories(to.parent_path(), error);
  if (error) fail("cannot make {}: {}", to.parent_path().string(), error.message());
  write_file_atomically(to, std::span<const uint8_t>(made));
  return problem;
}

bool made_here(std::span<const uint8_t> file) try {
  if (!is_read_here(file)) return false;
  const auto image = open(file);
  const auto tag = image->exifData().findKey(Exiv2::ExifKey(kSoftware));
  return tag != image->exifData().end() && tag->toString().starts_with(kSignature);
} catch (const std::exception&) {
  return false;
}

}  // namespace dae
