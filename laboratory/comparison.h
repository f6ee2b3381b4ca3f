// Finished runs side by side: what can be compared, asked to restore the same views.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "laboratory/comparison_page.h"

namespace dae {

struct ComparisonOptions {
  std::vector<std::string> runs;
  std::string dataset;  // empty: what the first run held out
  int64_t size = 0;     // of the views; 0: the first run's crop
  int64_t views = 4;    // a picture
  int64_t judge_steps = kJudgeSteps;
  uint64_t seed = 1;
  std::function<CorruptSpec(const CorruptSpec& of_first_run)> corruption;
  // How a dataset is opened, and who is told what is going on.
  std::function<Dataset(const std::string& path, int64_t max_side)> open;
  std::function<void(const std::string&)> progress;
};

// Runs that cannot be compared are left out, each with a note that says why; throws Error with
// those notes when none is left. The corruption is what the options make of the first
// run's.
BlurPage compare_runs(const ComparisonOptions& options, Device device);

}  // namespace dae
