#include "tools/open_pictures.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/progress.h"

namespace dae {

Dataset open_pictures(const std::string& path, int64_t max_side) {
  ProgressLine line;
  Dataset dataset =
      open_dataset(path, {.max_side = max_side, .progress = [&](size_t done, size_t total) {
                            line.show(fmt::format("reading {}: {} of {} files", path, done, total));
                          }});
  line.clear();
  const std::vector<Dataset::Skipped>& skipped = dataset.skipped();
  if (skipped.empty()) return dataset;
  constexpr size_t kNamed = 10;
  std::string text =
      fmt::format("{}: {} of {} images cannot be read and are left out\n", path, skipped.size(),
                  skipped.size() + static_cast<size_t>(dataset.size()));
  for (size_t i = 0; i < std::min(kNamed, skipped.size()); i++)
    text += fmt::format("  {}\n", skipped[i].reason);
  if (skipped.size() > kNamed) text += fmt::format("  and {} more\n", skipped.size() - kNamed);
  std::fputs(text.c_str(), stderr);
  return dataset;
}

}  // namespace dae
