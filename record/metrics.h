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

// The rows of a file, without the header; none where it is missing. A last line that was cut off is left out, and so are lines
// that are no rows, which `note`, else empty, says for people.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path, std::string& note);

}  // namespace dae
