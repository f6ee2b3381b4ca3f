// What a dataset is read from: the files below its folder, in parts that are decoded and kept each by itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/error.h"

namespace dae {

// A picture, an archive of them, or pictures of CIFAR-10.
struct ListedFile {
  std::string name;  // relative to the dataset's folder
  std::filesystem::path path;
  bool is_archive = false;
};

// An archive, or some files that are none.
struct DatasetPart {
  std::vector<ListedFile> files;
  bool cifar = false;
  int64_t max_side = 0;      // to which its pictures are shrunk
  uint64_t bytes = 0;        // of its files
  uint64_t fingerprint = 0;  // of their names, sizes and times, and of max_side
};

struct SkippedPicture {
  std::string name, reason;
};

struct Listing {
  std::vector<DatasetPart> parts;        // their pictures one after the other are sorted by name
  std::vector<SkippedPicture> left_out;  // folders and formats that cannot be read
};

// `given` is what open_dataset() takes, but for `synthetic`. Throws Error when there is nothing to read.
Listing list_dataset(const std::filesystem::path& given, int64_t max_side);

class DatasetChanged : public Error {
 public:
  using Error::Error;
};

// Throws DatasetChanged naming the part where its files are no longer those that were listed.
void check_unchanged(const DatasetPart& part);

}  // namespace dae
