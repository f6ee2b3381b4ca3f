// The decoded pictures of one part of a dataset in a file that is memory-mapped: pixels, thumbnails, records of
// fixed size, names, and what could not be read. Whatever is read when a dataset opens is small beside the
// pixels and needs no memory of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "data/files.h"
#include "data/likeness.h"
#include "data/listing.h"

namespace dae {

class Pack {
 public:
  struct Picture {
    std::string_view name;  // in the pack, as the picture's other members are
    ByteView view;
    LikenessView likeness;
  };

  // None when there is no sound one of this part there: of this user's, so that nobody plants pictures in a
  // folder that all may write to; with the hash of its index; and without a picture that could not be read then
  // and can be now. Thumbnails and pixels are not looked at.
  static std::optional<Pack> open(const std::filesystem::path& path, const DatasetPart& part);

  int64_t size() const { return count_; }
  Picture operator[](int64_t i) const;
  uint64_t pixel_bytes() const { return pixel_bytes_; }
  const std::vector<SkippedPicture>& skipped() const { return skipped_; }
  bool has(const uint8_t* pixels) const;
  const std::filesystem::path& path() const { return path_; }

  bool has_sound_thumbnails() const;
  bool has_sound_pixels() const;

 private:
  std::filesystem::path path_;
  MappedFile file_;
  int64_t count_ = 0;
  uint64_t pixel_bytes_ = 0, names_ = 0, thumbnails_hash_ = 0;
  std::vector<SkippedPicture> skipped_;
};

// Decodes a part, in parallel, and writes its pack atomically. Throws DatasetChanged when its files are other ones
// in the end; SystemError when it cannot be written.
void write_pack(const DatasetPart& part, const std::filesystem::path& path,
                const std::function<void(size_t done, size_t total)>& progress);

}  // namespace dae
