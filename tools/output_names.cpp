#include "tools/output_names.h"

#include "data/photo.h"
#include "runtime/error.h"

namespace dae {

namespace fs = std::filesystem;

fs::path OutputNames::add(const fs::path& name, const fs::path& source) {
  fs::path to = folder_ / name;
  if (has_photo_extension(to))
    to.replace_extension(".png");
  else
    to += ".png";  // CIFAR's "data_batch_1.bin#00000"
  if (!taken_.insert(to.lexically_normal()).second)
    fail_usage("two pictures would both become {}; put the results into different folders",
               to.string());
  std::error_code ignored;
  if (fs::equivalent(source, to, ignored))
    fail_usage("{} would be written over itself; give another --out", source.string());
  return to;
}

}  // namespace dae
