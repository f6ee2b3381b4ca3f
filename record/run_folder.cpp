#include "record/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/files.h"
#include "data/safetensors.h"
#include "data/text.h"
#include "record/feature_file.h"
#include "runtime/error.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kPrevious = "checkpoint.previous.safetensors";

struct Kept {
  Trainer::Values values;
  const char* prefix;
};
constexpr Kept kKept[] = {{Trainer::Values::weights, "weights."},
                          {Trainer::Values::ema, "ema."},
                          {Trainer::Values::moment1, "moment1."},
                          {Trainer::Values::moment2, "moment2."}};

// runs/DATE-TIME-MODEL, made: two runs that start in the same second get two folders.
fs::path make_dated(const std::string& model) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string stem = fmt::format("{:%Y%m%d-%H%M%S}-{}", now, model);
  std::error_code error;
  fs::create_directories("runs", error);
  fs::path path = fs::path("runs") / stem;
  for (int i = 2; !error && !fs::create_directory(path, error); i++)
    path = fs::path("runs") / fmt::format("{}-{}", stem, i);
  if (error) fail("{}: cannot be made: {}; give another folder", path.string(), error.message());
  return path;
}

// A term's value and the norm of its gradient follow what every run has.
std::string header_for(const LossSpec& loss) {
  std::string header =
      "step,seconds,loss,learning_rate,gradient_norm,images_per_second,validation_psnr";
  if (!loss.is_plain_mse())
    for (const LossSpec::Term& term : loss.terms)
      header += fmt::format(",{0},{0}_gradient_norm", name_of(term.kind));
  return header + "\n";
}

std::string format_row(const MetricsRow& row) {
  std::string text =
      fmt::format("{},{:.3f},{:.6g},{:.6g},{:.6g},{:.2f},{}", row.step, row.seconds, row.loss,
                  row.learning_rate, row.gradient_norm, row.images_per_second,
                  row.validation_psnr ? fmt::format("{:.4f}", *row.validation_psnr) : "");
  for (const TermMean& term : row.terms)
    text += fmt::format(",{:.6g},{:.6g}", term.value, term.gradient_norm);
  return text + "\n";
}

void read_checkpoint(const fs::path& path, Trainer& trainer) {
  const Safetensors file(path);
  for (const Kept& kept : kKept) {
    std::vector<float> values(static_cast<size_t>(trainer.parameters().count()));
    for (const Parameter& p : trainer.parameters().list())
      std::memcpy(&values[p.offset], file.get(kept.prefix + p.name, p.shape, DType::f32),
                  static_cast<size_t>(p.shape.count()) * sizeof(float));
    trainer.write(kept.values, values);
  }
  StepState state = trainer.state();
  std::memcpy(&state.step, file.get("step", {1}, DType::u64), sizeof(state.step));
  std::memcpy(&state.skipped, file.get("skipped", {1}, DType::u64), sizeof(state.skipped));
  trainer.write_state(state);
}

}  // namespace

bool RunFolder::is_free(const fs::path& path) {
  std::error_code error;
  return !fs::exists(path, error) || (fs::is_directory(path, error) && fs::is_empty(path, error));
}

RunFolder RunFolder::create(const fs::path& wanted, const nlohmann::json& config,
                            const LossSpec& loss, const FeatureNetwork& features) {
  std::error_code error;
  const fs::path path = wanted.empty() ? make_dated(config.at("model").at("kind")) : wanted;
  const auto refuse = [&] {
    fail_field("out", "{}: exists already; give another folder", path.string());
  };
  if (!is_free(path)) refuse();
  const bool was_there = !wanted.empty() && fs::exists(path, error);
  fs::create_directories(path, error);
  // Who makes samples/ owns the folder, should two runs want the same one at once.
  const bool made = !error && fs::create_directory(path / "samples", error);
  if (error) fail("{}: cannot be made: {}; give another folder", path.string(), error.message());
  if (!made && !is_free(path)) refuse();
  RunFolder folder(path);
  try {
    folder.lock();
    write_file_atomically(path / "metrics.csv", std::string_view(header_for(loss)));
    if (!features.widths.empty()) save_features(path / kFeatureFile, features);
    folder.write_config(config);
  } catch (...) {
    for (const char* name : {"config.json", kFeatureFile, "metrics.csv", "samples"})
      fs::remove(path / name, error);
    if (!was_there) fs::remove(path, error);
    throw;
  }
  return folder;
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    fail("{}: there is no such run folder; train_cuda makes one", path.string());
  if (!fs::exists(path / "config.json", error))
    fail("{}: not a run folder: it has no config.json", path.string());
  return RunFolder(path);
}

RunFolder RunFolder::open_to_train(const fs::path& path) {
  RunFolder folder = open(path);
  folder.lock();
  return folder;
}

void RunFolder::lock() {
  if (!lock_.take(path_))
    fail("{}: another train_cuda is at work there; wait for it or stop it", path_.string());
}

void RunFolder::write_config(const nlohmann::json& config) const {
  write_file_atomically(path_ / "config.json", std::string_view(file_text(config)));
}

void RunFolder::write_sample(const std::string& name, const Image& sheet) const {
  save_png(path_ / "samples" / name, sheet);
}

void RunFolder::write_report(const std::string& html) const {
  write_file_atomically(path_ / "report.html", std::string_view(html));
}

void RunFolder::append(const MetricsRow& row) {
  std::ofstream file(path_ / "metrics.csv", std::ios::app);
  file << format_row(row);
  file.close();
  if (!file) fail("cannot write {}", (path_ / "metrics.csv").string());
}

std::vector<MetricsRow> RunFolder::metrics() const {
  std::ifstream file(path_ / "metrics.csv");
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

void RunFolder::truncate_metrics(uint64_t step, const LossSpec& loss) {
  std::string text = header_for(loss);
  for (const MetricsRow& row : metrics())
    if (row.step <= step) text += format_row(row);
  write_file_atomically(path_ / "metrics.csv", std::string_view(text));
}

void RunFolder::save_checkpoint(const Trainer& trainer) const {
  const StepState state = trainer.state();
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  for (const Kept& kept : kKept) values.push_back(trainer.read(kept.values));
  for (size_t k = 0; k < std::size(kKept); k++)
    for (const Parameter& p : trainer.parameters().list())
      tensors.push_back({kKept[k].prefix + p.name, {&values[k][p.offset], p.shape}});
  uint64_t counters[2] = {state.step, state.skipped};
  tensors.push_back({"step", {&counters[0], {1}, DType::u64}});
  tensors.push_back({"skipped", {&counters[1], {1}, DType::u64}});
  // The sound checkpoint there is becomes the previous one; a crash between the two renames leaves
  // that.
  const fs::path current = path_ / kCheckpoint, beside = path_ / "checkpoint.next.safetensors";
  save_safetensors(beside, tensors, {{"format", "dae run checkpoint 1"}});
  std::error_code error;
  if (fs::exists(current, error)) fs::rename(current, path_ / kPrevious, error);
  if (!error) fs::rename(beside, current, error);
  if (error) fail("cannot write {}: {}", current.string(), error.message());
}

std::optional<fs::path> RunFolder::newest_checkpoint() const {
  std::error_code ignored;
  for (const char* const name : {kCheckpoint, kPrevious})
    if (fs::exists(path_ / name, ignored)) return path_ / name;
  return std::nullopt;
}

std::optional<uint64_t> RunFolder::saved_step() const {
  const std::optional<fs::path> path = newest_checkpoint();
  if (!path) return std::nullopt;
  uint64_t step = 0;
  std::memcpy(&step, Safetensors(*path).get("step", {1}, DType::u64), sizeof(step));
  return step;
}

bool RunFolder::load_checkpoint(Trainer& trainer) const {
  const std::optional<fs::path> path = newest_checkpoint();
  if (!path) return false;
  std::error_code ignored;
  try {
    read_checkpoint(*path, trainer);
  } catch (const Error& error) {
    if (path->filename() == kCheckpoint && fs::exists(path_ / kPrevious, ignored))
      fail("{}; remove it to go on from {} beside it", error.what(), kPrevious);
    throw;
  }
  return true;
}

std::vector<float> RunFolder::load_weights(const ParameterSet& parameters) const {
  const std::optional<fs::path> path = newest_checkpoint();
  if (!path)
    fail("{}: the run has no checkpoint yet; let train_cuda finish or resume it", path_.string());
  const Safetensors file(*path);
  std::vector<float> values(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list())
    std::memcpy(&values[p.offset], file.get("ema." + p.name, p.shape, DType::f32),
                static_cast<size_t>(p.shape.count()) * sizeof(float));
  return values;
}

}  // namespace dae
