// Finished runs side by side: what can be compared, asked to restore the same views.
#pragma once

#include <string>
#include <vector>

#include "laboratory/comparison_page.h"
#include "tools/program.h"

namespace dae {

struct ComparisonOptions {
  std::vector<std::string> runs;
  std::string dataset;  // empty: what the first run held out
  int64_t size = 0;     // of the views; 0: the first run's crop
  int64_t views = 4;    // a picture
  uint64_t seed = 1;
};

// Runs that cannot be compared are left out, each with a note that says why; throws Error with
// those notes when none is left. The corruption is the first run's but for what `corruption`
// changes.
BlurPage compare_runs(const ComparisonOptions& options, Device device,
                      const CorruptionOptions& corruption);

}  // namespace dae
