// The three things that blur_report does. Each prints what it is doing, writes the page, and
// returns the exit code.
#pragma once

#include <string>

#include "laboratory/comparison.h"
#include "laboratory/edge_study.h"
#include "tools/program.h"

namespace dae {

struct BlurCommand {
  ComparisonOptions comparison;
  std::string out, json_file, train, folder;
  double seconds = 0;
  int64_t steps = static_cast<int64_t>(EdgeStudyOptions{}.schedule.total);
};

int report_runs(BlurCommand command, Device device, const CorruptionOptions& corruption);
int report_edges(const BlurCommand& command, Device device);
int report_laboratory(const BlurCommand& command, Device device);

}  // namespace dae
