// Where the results of pictures go: the same names in a folder, over nobody's picture.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace dae {

class OutputNames {
 public:
  // `pictures` are the names of all whose results go there.
  OutputNames(std::filesystem::path folder, std::set<std::filesystem::path> pictures)
      : folder_(std::move(folder)), pictures_(std::move(pictures)) {}

  // The file for the picture `name` with this extension (".png"), which was read from `source`. Of two
  // that differ in their extension alone the second, or the one whose result would have the other's
  // name, keeps its own as well: "a.jpg.png". Throws Error when that is taken, too, when it is the
  // picture itself, and when a picture lies there that these programs did not make (tools/metadata.h).
  std::filesystem::path add(const std::filesystem::path& name, const std::filesystem::path& source,
                            const std::string& extension);
  // Whether a file of the folder is a result by now, or will be that of the picture of its name.
  bool has(const std::filesystem::path& name) const;

 private:
  std::filesystem::path folder_;
  std::set<std::filesystem::path> pictures_, taken_;
};

// Before the work: the same for one picture, a sheet, under a name that was given. Throws UsageError unless it ends in
// .png.
void check_sheet(const std::filesystem::path& path);

}  // namespace dae
