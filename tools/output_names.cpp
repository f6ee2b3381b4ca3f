#include "tools/output_names.h"

#include "data/files.h"
#include "data/photo.h"
#include "runtime/error.h"
#include "tools/metadata.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

bool is_somebodys(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !made_here(read_file(path));
}

}  // namespace

fs::path OutputNames::add(const fs::path& name, const fs::path& source,
                          const std::string& extension) {
  fs::path with_another = name, with_both = name;
  with_another.replace_extension(extension);
  with_both += extension;
  const bool is_free = has_photo_extension(name) &&  // unlike CIFAR's "data_batch_1.bin#00000"
                       (with_another == name || !pictures_.contains(with_another));
  fs::path to = folder_ / (is_free ? with_another : with_both);
  if (!taken_.insert(to.lexically_normal()).second) {
    to = folder_ / with_both;
    if (!is_free || !taken_.insert(to.lexically_normal()).second)
      fail("{}: another picture becomes {} already; give it another name", source.string(),
           to.string());
  }
  std::error_code ignored;
  if (fs::equivalent(source, to, ignored))
    fail("{} would be written over itself; give another --out", source.string());
  if (is_somebodys(to))
    fail("{}: {} is there already, and not made here; give another --out", source.string(),
         to.string());
  return to;
}

bool OutputNames::has(const fs::path& name) const {
  return pictures_.contains(name) || taken_.contains((folder_ / name).lexically_normal());
}

void check_sheet(const fs::path& path) {
  if (path.extension() != ".png") fail_usage("{}: give it a name that ends in .png", path.string());
  check_writable(path);
  if (is_somebodys(path))
    fail("{} is there already, and not made here; give another --out", path.string());
}

}  // namespace dae
