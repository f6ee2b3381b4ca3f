// metrics.csv of a run: a line of text now and then, while it trains.
#pragma once

#include <dae/training.h>

#include <filesystem>
#include <string>
#include <vector>

#include "model/loss_spec.h"

namespace dae {

// The first line, which names the columns, and a row's; each ends with a newline.
std::string metrics_header(const LossSpec& loss);
std::string metrics_line(const MetricsRow& row);

// The rows of a file, without the header; one that was cut off is left out.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

}  // namespace dae
