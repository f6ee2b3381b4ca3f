// report.html of a run: one self-contained file with curves, pictures, scores and configuration.
#pragma once

#include <dae/evaluation.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/image.h"
#include "record/run_config.h"
#include "record/run_folder.h"

namespace dae {

struct ReportInput {
  std::string title;
  RunConfig config;
  std::vector<MetricsRow> metrics;
  Image samples;                   // clean, corrupted, restored, difference
  Evaluation evaluation;           // of the validation views
  uint64_t step = 0;               // reached
  int64_t weights = 0;             // of the network
  std::vector<std::string> notes;  // one paragraph each: skipped files, an interrupted run
};

std::string render_report(const ReportInput& input);

}  // namespace dae
