// The page of blur_report, and the same figures as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "laboratory/measured_run.h"
#include "record/run_config.h"

namespace dae {

struct BlurRun : MeasuredRun {
  std::string name, path;
  RunConfig config;
  uint64_t steps = 0;
};

struct BlurPage {
  std::string dataset;
  BlurMaterial material;
  BlurMeasures corrupted;          // doing nothing
  std::vector<BlurRun> runs;       // at least one
  std::vector<std::string> notes;  // what was left out, and why
};

std::string render_blur_page(const BlurPage& page);
nlohmann::json to_json(const BlurPage& page);

// The pictures of most_different(), with a sentence that says what they are.
std::string crops_section(const BlurPage& page);

// Where the runs' aligned restorations differ most: squares of `side` pixels of different pictures,
// the largest mean squared difference of two runs first (of the run and the clean view, where there
// is one run).
struct Crop {
  size_t view = 0;
  int64_t y = 0, x = 0;
  double difference = 0;
};
std::vector<Crop> most_different(const BlurPage& page, int64_t side, size_t count);

}  // namespace dae
