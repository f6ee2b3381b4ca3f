#include "data/part_pictures.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files.h"
#include "data/photo.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr int64_t kCifarSide = 32, kCifarRecord = 1 + 3 * kCifarSide * kCifarSide;

DecodedPictures decode_cifar(const ListedFile& file) {
  DecodedPictures out;
  const std::vector<uint8_t> bytes = read_file(file.path);
  if (bytes.empty() || bytes.size() % kCifarRecord != 0)
    fail("{}: not a CIFAR-10 file: its size is not a multiple of {} bytes", file.path.string(),
         kCifarRecord);
  constexpr int64_t kPixels = kCifarSide * kCifarSide;
  for (size_t record = 0; record < bytes.size() / kCifarRecord; record++) {
    const uint8_t* const planes = &bytes[record * kCifarRecord + 1];
    Image image{kCifarSide, kCifarSide, std::vector<uint8_t>(3 * kPixels)};
    for (int64_t i = 0; i < 3 * kPixels; i++)
      image.pixels[static_cast<size_t>(i)] = planes[i % 3 * kPixels + i / 3];
    out.images.emplace_back(fmt::format("{}#{:05}", file.name, record), std::move(image));
  }
  return out;
}

Image load(const PartPicture& picture) {
  const std::filesystem::path& path = picture.file->path;
  if (!picture.member) return load_image(path);
  std::vector<uint8_t> bytes(picture.member->size);
  bytes.resize(FileReader(path).read(picture.member->offset, bytes));
  return decode_image(bytes, path.string() + "/" + picture.member->name);
}

// Whoever writes a picture's results under its name would write them somewhere else.
bool leads_out(const std::filesystem::path& member) {
  return std::find(member.begin(), member.end(), "..") != member.end();
}

void unpack(const ListedFile& archive, PartPictures& out) {
  try {
    const TarContents contents = read_tar(archive.path);
    if (!contents.problem.empty())
      out.unread.push_back({archive.name, contents.problem});
    else if (contents.members.empty())
      out.unread.push_back({archive.name, archive.path.string() + ": no files in it"});
    for (const TarMember& member : contents.members) {
      std::string name = archive.name + "/" + member.name;
      if (leads_out(member.name))
        out.unread.push_back({name, fmt::format("{}/{}: a name that leads out of its archive",
                                                archive.path.string(), member.name)});
      else if (has_photo_extension(member.name))
        out.pictures.push_back({std::move(name), &archive, member});
      else if (const std::string reason = why_unread(archive.path.string() + "/" + member.name);
               !reason.empty())
        out.unread.push_back({name, reason});
    }
  } catch (const SystemError& error) {
    out.unread.push_back({archive.name, error.what(), true});
  }
}

}  // namespace

PartPictures pictures_in(const DatasetPart& part) {
  PartPictures out;
  for (const ListedFile& file : part.files) {
    if (file.is_archive)
      unpack(file, out);
    else
      out.pictures.push_back({file.name, &file});
  }
  std::sort(out.pictures.begin(), out.pictures.end(),
            [](const PartPicture& a, const PartPicture& b) { return a.name < b.name; });
  return out;
}

DecodedPictures decode(const PartPicture& picture, const DatasetPart& part) {
  DecodedPictures out;
  const auto cannot_now = [&](const std::string& why) {
    out = {.images = {}, .problem = why, .passing = true};
  };
  try {
    if (part.cifar) return decode_cifar(*picture.file);
    out.images.emplace_back(picture.name, area_downscale(load(picture), part.max_side));
  } catch (const OutOfMemory& error) {
    cannot_now(error.what());
  } catch (const std::bad_alloc&) {
    cannot_now(fmt::format("{}: not enough memory", picture.file->path.string()));
  } catch (const SystemError& error) {
    cannot_now(error.what());
  } catch (const std::exception& error) {
    out.problem = error.what();
  }
  return out;
}

bool can_be_read(const std::string& name, const DatasetPart& part) {
  const PartPictures contents = pictures_in(part);
  for (const PartPicture& picture : contents.pictures)
    if (picture.name == name) return !decode(picture, part).passing;
  return !part.files.empty() && part.files[0].is_archive &&
         std::none_of(contents.unread.begin(), contents.unread.end(),
                      [](const UnreadPicture& unread) { return unread.passing; });
}

}  // namespace dae
