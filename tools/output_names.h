// Where the results of pictures go: the same names in a folder, over nobody's picture.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace dae {

class OutputNames {
 public:
  explicit OutputNames(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The file for the picture `name` with this extension (".png"), which was read from `source`. Of two
  // that differ in their extension alone the second keeps its own as well: "a.jpg.png". Throws Error
  // when that is taken, too, when it is the picture itself, and when a picture lies there that these
  // programs did not make (tools/metadata.h).
  std::filesystem::path add(const std::filesystem::path& name, const std::filesystem::path& source,
                            const std::string& extension);
  bool has(
      const std::filesystem::path& name) const;  // whether a file of the folder is taken by now

 private:
  std::filesystem::path folder_;
  std::set<std::filesystem::path> taken_;
};

// Before the work: the same for one picture, a sheet, under a name that was given. Throws UsageError unless it ends in
// .png.
void check_sheet(const std::filesystem::path& path);

}  // namespace dae
