#include "data/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "data/files.h"
#include "data/hash.h"
#include "data/photo.h"
#include "data/text.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr size_t kPartFiles =
    1024;  // that are no archives: enough work for a process to take at once

// In any case of letters.
bool ends_with(const fs::path& path, std::initializer_list<std::string_view> endings) {
  const std::string name = in_lower_case(path.filename().string());
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// An archive's members come where those of a folder of its name would.
bool comes_before(const ListedFile& a, const ListedFile& b) {
  if (!a.is_archive && !b.is_archive) return a.name < b.name;
  return a.name + (a.is_archive ? "/" : "") < b.name + (b.is_archive ? "/" : "");
}

struct Identity {
  uint64_t bytes, fingerprint;
};

Identity identify(const DatasetPart& part) {
  Hash hash;
  hash.add_number(part.max_side);
  hash.add_number(part.cifar);
  uint64_t bytes = 0;
  for (const ListedFile& file : part.files) {
    const FileStamp stamp = stamp_of(file.path);
    bytes += stamp.bytes;
    hash.add(file.name);
    hash.add_number(stamp.bytes);
    hash.add_number(stamp.written);
    hash.add_number(stamp.changed);
  }
  return {bytes, hash.value()};
}

std::vector<DatasetPart> in_parts(std::vector<ListedFile> files, bool cifar, int64_t max_side) {
  std::sort(files.begin(), files.end(), comes_before);
  std::vector<DatasetPart> parts;
  for (ListedFile& file : files) {
    const bool joins = !parts.empty() && !file.is_archive && !parts.back().files[0].is_archive &&
                       parts.back().files.size() < kPartFiles;
    if (!joins) parts.push_back({.files = {}, .cifar = cifar, .max_side = max_side});
    parts.back().files.push_back(std::move(file));
  }
  for (DatasetPart& part : parts) {
    const Identity identity = identify(part);
    part.bytes = identity.bytes;
    part.fingerprint = identity.fingerprint;
  }
  return parts;
}

}  // namespace

Listing list_dataset(const fs::path& given, int64_t max_side) {
  std::error_code error;
  if (!fs::exists(given, error)) fail("{}: there is no such folder", given.string());
  const bool one = !fs::is_directory(given, error);
  if (one && !ends_with(given, {".tar"}))
    fail("{}: not a folder; give the folder that holds the images, or a tar archive of them",
         given.string());
  const fs::path folder = one ? given.parent_path() : given;
  const FolderContents contents = one ? FolderContents{{given}, {}} : files_below(folder);
  std::vector<ListedFile> images, cifar_train, cifar_test;
  std::vector<SkippedPicture> unread;
  Listing listing;
  for (const fs::path& path : contents.files) {
    const ListedFile file{path.lexically_relative(folder).generic_string(), path,
                          ends_with(path, {".tar"})};
    const std::string name = path.filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin"))
      cifar_train.push_back(file);
    else if (name == "test_batch.bin")
      cifar_test.push_back(file);
    else if (has_photo_extension(path) || file.is_archive)
      images.push_back(file);
    else if (ends_with(path, {".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"}))
      unread.push_back({file.name, fmt::format("{}: a compressed archive, in which no picture can "
                                               "be looked up; unpack it to a .tar",
                                               path.string())});
    else if (const std::string reason = why_unread(path); !reason.empty())
      unread.push_back({file.name, reason});
  }
  for (const auto& [path, reason] : contents.unreadable)
    listing.left_out.push_back({path.lexically_relative(folder).generic_string(),
                                fmt::format("{}: {}", path.string(), reason)});
  const bool cifar = !cifar_train.empty() || !cifar_test.empty();
  if (!cifar) listing.left_out.insert(listing.left_out.end(), unread.begin(), unread.end());
  listing.parts = in_parts(std::move(!cifar_train.empty()  ? cifar_train
                                     : !cifar_test.empty() ? cifar_test
                                                           : images),
                           cifar, max_side);
  if (listing.parts.empty())
    fail("{}: no images in it (jpg, png, bmp, ...), nor tar archives, nor CIFAR-10's binary files",
         folder.string());
  return listing;
}

void check_unchanged(const DatasetPart& part) {
  if (identify(part).fingerprint == part.fingerprint) return;
  const size_t others = part.files.size() - 1;
  throw DatasetChanged(
      fmt::format("{}: it changed while it was read{}; open it again once it is whole",
                  part.files[0].path.string(),
                  others > 1    ? fmt::format(", or one of the {} files after it", others)
                  : others == 1 ? ", or the file after it"
                                : ""));
}

}  // namespace dae
