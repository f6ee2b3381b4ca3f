#include "record/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files.h"
#include "record/feature_file.h"
#include "record/run_config.h"
#include "runtime/error.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kPrevious = "checkpoint.previous.safetensors";
constexpr const char* kDamaged = "checkpoint.damaged.safetensors";
constexpr const char* kMetrics = "metrics.csv";
constexpr const char* kSamples = "samples";
// What create() makes, in this order, after samples/; the last makes a run of the folder.
constexpr const char* kMade[] = {kMetrics, kFeatureFile, "config.json"};

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
  if (!fs::exists(path, error)) return true;
  if (!fs::is_directory(path, error) || fs::exists(path / "config.json", error)) return false;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool unfinished =
        name == kSamples ? fs::is_empty(it->path(), error)
                         : name == kMetrics || name == kFeatureFile || name.ends_with(".part");
    if (!unfinished) return false;
  }
  return !error;
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
  if (error) fail("{}: cannot be made: {}; give another folder", path.string(), error.message());
  RunFolder folder(path);
  // Who has the lock owns the folder, should two runs want the same one at once.
  folder.lock();
  if (!is_free(path)) refuse();
  try {
    fs::create_directory(path / kSamples);
    write_file_atomically(path / kMetrics, std::string_view(metrics_header(loss)));
    if (!features.widths.empty()) save_features(path / kFeatureFile, features);
    folder.write_config(config);
  } catch (...) {
    for (const char* name : kMade) fs::remove(path / name, error);
    fs::remove(path / kSamples, error);
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
  std::error_code
      ignored;  // sheets may have been moved away; that none can be written is said then
  fs::create_directory(folder.path_ / kSamples, ignored);
  return folder;
}

void RunFolder::lock() {
  if (!lock_.take(path_))
    fail("{}: another train_cuda is at work there; wait for it or stop it", path_.string());
  // Nobody else writes here now: what has no name of its own yet was somebody's who was killed.
  std::error_code ignored;
  for (const fs::path& folder : {path_, path_ / kSamples})
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".part") fs::remove(entry.path(), ignored);
}

void RunFolder::write_config(const nlohmann::json& config) const {
  write_run_json(path_, config);
}

void RunFolder::write_sample(const std::string& name, const Image& sheet) const {
  save_png(path_ / kSamples / name, sheet);
}

void RunFolder::write_report(const std::string& html) const {
  write_file_atomically(path_ / "report.html", std::string_view(html));
}

void RunFolder::append(const MetricsRow& row) {
  append_line(path_ / kMetrics, metrics_line(row));
}

std::vector<MetricsRow> RunFolder::metrics(std::string& note) const {
  return read_metrics(path_ / kMetrics, note);
}

std::vector<MetricsRow> RunFolder::truncate_metrics(uint64_t step, const LossSpec& loss,
                                                    std::string& note) {
  std::vector<MetricsRow> rows = metrics(note);
  std::erase_if(rows, [step](const MetricsRow& row) { return row.step > step; });
  std::string text = metrics_header(loss);
  for (const MetricsRow& row : rows) text += metrics_line(row);
  write_file_atomically(path_ / kMetrics, std::string_view(text));
  return rows;
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
  sync_folder(path_);
}

template <class Read>
auto RunFolder::from_newest(const Read& read, std::string& note) const
    -> std::optional<decltype(read(fs::path()))> {
  note.clear();
  std::string problems, missing;
  for (const char* const name : {kCheckpoint, kPrevious}) {
    const fs::path path = path_ / name;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      if (missing.empty()) missing = path.string() + " is missing";
      continue;
    }
    try {
      auto value = read(path);
      if (name != kCheckpoint)
        note = fmt::format("{}; {} is taken, which is older", problems.empty() ? missing : problems,
                           path.string());
      return value;
    } catch (const Error& error) {
      problems += (problems.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  if (!problems.empty()) fail("{}", problems);
  return std::nullopt;
}

std::optional<uint64_t> RunFolder::saved_step() const {
  std::string unread;
  return from_newest(read_checkpoint_step, unread);
}

std::optional<Checkpoint> RunFolder::load_checkpoint(const ParameterSet& parameters,
                                                     std::string& note) const {
  auto checkpoint =
      from_newest([&](const fs::path& path) { return read_checkpoint(path, parameters); }, note);
  std::error_code ignored;
  if (!note.empty()) fs::rename(path_ / kCheckpoint, path_ / kDamaged, ignored);
  return checkpoint;
}

std::vector<float> RunFolder::load_weights(const ParameterSet& parameters,
                                           std::string& note) const {
  auto weights = from_newest(
      [&](const fs::path& path) { return read_averaged_weights(path, parameters); }, note);
  if (!weights)
    fail("{}: the run has no checkpoint yet; let train_cuda finish or resume it", path_.string());
  return *std::move(weights);
}

}  // namespace dae
