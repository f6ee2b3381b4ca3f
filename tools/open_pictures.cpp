#include "tools/open_pictures.h"

#include <fmt/format.h>

#include "tools/progress.h"
#include "tools/say.h"

namespace dae {

Dataset open_pictures(const std::string& path, int64_t max_side) {
  ProgressLine line;
  Dataset dataset =
      open_dataset(path, {.max_side = max_side, .progress = [&](size_t done, size_t total) {
                            line.show(fmt::format("reading {}: {} of {} files", path, done, total));
                          }});
  line.clear();
  if (!dataset.skipped().empty()) say(stderr, "{}", describe_skipped(dataset, path));
  return dataset;
}

}  // namespace dae
