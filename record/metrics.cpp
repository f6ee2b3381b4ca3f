#include "record/metrics.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "data/files.h"

namespace dae {
namespace {

template <class T>
bool read_number(const std::string& field, T& number) {
  const char* const end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, number);
  return error == std::errc() && stopped == end;
}

bool read_row(const std::string& line, MetricsRow& row) {
  std::vector<std::string> fields;
  std::istringstream stream(line + ",");
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  if (fields.size() < 7 || fields.size() % 2 == 0) return false;
  if (!fields[6].empty() && !read_number(fields[6], row.validation_psnr.emplace())) return false;
  for (size_t i = 7; i < fields.size(); i += 2) {
    TermMean& term = row.terms.emplace_back();
    if (!read_number(fields[i], term.value) || !read_number(fields[i + 1], term.gradient_norm))
      return false;
  }
  return read_number(fields[0], row.step) && read_number(fields[1], row.seconds) &&
         read_number(fields[2], row.loss) && read_number(fields[3], row.learning_rate) &&
         read_number(fields[4], row.gradient_norm) && read_number(fields[5], row.images_per_second);
}

}  // namespace

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

std::vector<MetricsRow> read_metrics(const std::filesystem::path& path, std::string& note) {
  std::vector<MetricsRow> rows;
  std::error_code ignored;
  note = "";
  if (!std::filesystem::exists(path, ignored)) return rows;
  const std::vector<uint8_t> bytes = read_file(path);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::string line;
  std::getline(text, line);  // the header
  int64_t damaged = 0;
  while (std::getline(text, line) && !text.eof()) {  // one without a newline was cut off
    MetricsRow row;
    if (read_row(line, row))
      rows.push_back(std::move(row));
    else
      damaged++;
  }
  if (damaged > 0)
    note = fmt::format("{}: {} of its lines are damaged and left out", path.string(), damaged);
  return rows;
}

}  // namespace dae
