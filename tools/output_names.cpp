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
  fs::path to = folder_ / name;
  if (has_photo_extension(to))
    to.replace_extension(extension);
  else
    to += extension;  // CIFAR's "data_batch_1.bin#00000"
  if (!taken_.insert(to.lexically_normal()).second) {
    to = folder_ / name;
    to += extension;
    if (!taken_.insert(to.lexically_normal()).second)
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
  return taken_.contains((folder_ / name).lexically_normal());
}

void check_sheet(const fs::path& path) {
  if (path.extension() != ".png") fail_usage("{}: give it a name that ends in .png", path.string());
  check_writable(path);
  if (is_somebodys(path))
    fail("{} is there already, and not made here; give another --out", path.string());
}

}  // namespace dae
