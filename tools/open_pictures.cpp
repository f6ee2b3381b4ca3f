#include "tools/open_pictures.h"

#include <fmt/format.h>

#include "tools/progress.h"

namespace dae {

Dataset open_pictures(const std::string& path, int64_t max_side) {
  ProgressLine line;
  Dataset dataset =
      open_dataset(path, {.max_side = max_side, .progress = [&](size_t done, size_t total) {
                            line.show(fmt::format("reading {}: {} of {} files", path, done, total));
                          }});
  line.clear();
  if (!dataset.skipped().empty()) std::fputs(describe_skipped(dataset, path).c_str(), stderr);
  return dataset;
}

}  // namespace dae
