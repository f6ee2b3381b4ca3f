#include "record/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files.h"
#include "data/text.h"
#include "record/feature_file.h"
#include "runtime/error.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kPrevious = "checkpoint.previous.safetensors";

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
    write_file_atomically(path / "metrics.csv", std::string_view(metrics_header(loss)));
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
  file << metrics_line(row);
  file.close();
  if (!file) fail("cannot write {}", (path_ / "metrics.csv").string());
}

std::vector<MetricsRow> RunFolder::metrics() const {
  return read_metrics(path_ / "metrics.csv");
}

void RunFolder::truncate_metrics(uint64_t step, const LossSpec& loss) {
  std::string text = metrics_header(loss);
  for (const MetricsRow& row : metrics())
    if (row.step <= step) text += metrics_line(row);
  write_file_atomically(path_ / "metrics.csv", std::string_view(text));
}

void RunFolder::save_checkpoint(const ParameterSet& parameters,
                                const Checkpoint& checkpoint) const {
  // The sound checkpoint there is becomes the previous one; a crash between the two renames leaves
  // that.
  const fs::path current = path_ / kCheckpoint, beside = path_ / "checkpoint.next.safetensors";
  write_checkpoint(beside, parameters, checkpoint);
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
  return read_checkpoint_step(*path);
}

std::optional<Checkpoint> RunFolder::load_checkpoint(const ParameterSet& parameters) const {
  const std::optional<fs::path> path = newest_checkpoint();
  if (!path) return std::nullopt;
  std::error_code ignored;
  try {
    return read_checkpoint(*path, parameters);
  } catch (const Error& error) {
    if (path->filename() == kCheckpoint && fs::exists(path_ / kPrevious, ignored))
      fail("{}; remove it to go on from {} beside it", error.what(), kPrevious);
    throw;
  }
}

std::vector<float> RunFolder::load_weights(const ParameterSet& parameters) const {
  const std::optional<fs::path> path = newest_checkpoint();
  if (!path)
    fail("{}: the run has no checkpoint yet; let train_cuda finish or resume it", path_.string());
  return read_averaged_weights(*path, parameters);
}

}  // namespace dae
