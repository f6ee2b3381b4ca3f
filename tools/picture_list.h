// The pictures that somebody names on a command line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dae {

struct ListedPicture {
  std::filesystem::path path;
  std::filesystem::path name;  // in the folder that was given; of a file alone its own
};

struct PictureList {
  std::vector<ListedPicture> pictures;
  std::vector<std::string> left_out;  // folders and formats that cannot be read, a line each
};

// Files stand for themselves, folders for the pictures in them and below, sorted by name, without
// those in `out` where that is a folder below: results are not taken for pictures to restore.
PictureList list_pictures(const std::vector<std::string>& inputs, const std::filesystem::path& out);

}  // namespace dae
