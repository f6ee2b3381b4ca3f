#include "tools/picture_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files.h"
#include "data/photo.h"

namespace dae {
namespace {

namespace fs = std::filesystem;

bool lies_in(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

PictureList list_pictures(const std::vector<std::string>& inputs, const fs::path& out) {
  PictureList list;
  std::error_code unknown;
  const fs::path results = fs::weakly_canonical(out, unknown);
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input, unknown)) {
      list.pictures.push_back({input, fs::path(input).filename()});
      continue;
    }
    const fs::path folder = fs::weakly_canonical(input, unknown);
    const bool holds_results = lies_in(results, folder) && results != folder;
    const FolderContents contents = files_below(input);
    for (const auto& [path, reason] : contents.unreadable)
      list.left_out.push_back(fmt::format("{}: {}", path.string(), reason));
    for (const fs::path& path : contents.files) {
      if (holds_results && lies_in(fs::weakly_canonical(path, unknown), results)) continue;
      if (has_photo_extension(path))
        list.pictures.push_back({path, path.lexically_relative(input)});
      else if (const std::string reason = why_unread(path); !reason.empty())
        list.left_out.push_back(reason);
    }
  }
  return list;
}

}  // namespace dae
