#include "record/metrics.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace dae {

// A term's value and the norm of its gradient follow what every run has.
std::string metrics_header(const LossSpec& loss) {
  std::string header =
      "step,seconds,loss,learning_rate,gradient_norm,images_per_second,validation_psnr";
  if (!loss.is_plain_mse())
    for (const LossSpec::Term& term : loss.terms)
      header += fmt::format(",{0},{0}_gradient_norm", name_of(term.kind));
  return header + "\n";
}

std::string metrics_line(const MetricsRow& row) {
  std::string text =
      fmt::format("{},{:.3f},{:.6g},{:.6g},{:.6g},{:.2f},{}", row.step, row.seconds, row.loss,
                  row.learning_rate, row.gradient_norm, row.images_per_second,
                  row.validation_psnr ? fmt::format("{:.4f}", *row.validation_psnr) : "");
  for (const TermMean& term : row.terms)
    text += fmt::format(",{:.6g},{:.6g}", term.value, term.gradient_norm);
  return text + "\n";
}

std::vector<MetricsRow> read_metrics(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<MetricsRow> rows;
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    std::vector<std::string> fields;
    std::stringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    if (fields.size() < 6) continue;  // a line that was cut off
    const auto number = [&](size_t i) { return std::strtod(fields[i].c_str(), nullptr); };
    MetricsRow row{.step = static_cast<uint64_t>(number(0)),
                   .seconds = number(1),
                   .loss = number(2),
                   .learning_rate = number(3),
                   .gradient_norm = number(4),
                   .images_per_second = number(5)};
    if (fields.size() > 6 && !fields[6].empty()) row.validation_psnr = number(6);
    for (size_t i = 7; i + 1 < fields.size(); i += 2)
      row.terms.push_back({number(i), number(i + 1)});
    rows.push_back(row);
  }
  return rows;
}

}  // namespace dae
