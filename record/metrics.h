// metrics.csv of a run: a line of text now and then, while it trains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/loss_spec.h"

namespace dae {

// Of one term of the loss, in the order of LossSpec::terms.
struct TermMean {
  double value = 0;          // the term, without its weight
  double gradient_norm = 0;  // L2 of weight d(term) / dy over a batch
};

struct MetricsRow {
  uint64_t step = 0;
  double seconds = 0;  // since the first step, pauses between sessions left out
  double loss = 0;     // mean since the previous row
  double learning_rate = 0, gradient_norm = 0, images_per_second = 0;
  std::optional<double> validation_psnr = {};
  std::vector<TermMean> terms = {};  // means like the loss; none for plain MSE
};

// The first line, which names the columns, and a row's; each ends with a newline.
std::string metrics_header(const LossSpec& loss);
std::string metrics_line(const MetricsRow& row);

// The rows of a file, without the header; one that was cut off is left out.
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

}  // namespace dae
