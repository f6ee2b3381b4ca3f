// Where the results of pictures go: NAME.png in a folder.
#pragma once

#include <filesystem>
#include <set>

namespace dae {

class OutputNames {
 public:
  explicit OutputNames(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The file for the picture `name`, which was read from `source`. Throws UsageError when another
  // picture has it already, or when it is the picture itself.
  std::filesystem::path add(const std::filesystem::path& name, const std::filesystem::path& source);

 private:
  std::filesystem::path folder_;
  std::set<std::filesystem::path> taken_;
};

}  // namespace dae
