#include "tools/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/files.h"
#include "data/safetensors.h"
#include "runtime/error.h"

namespace dae {

namespace fs = std::filesystem;

namespace {

constexpr const char* kHeader =
    "step,seconds,loss,learning_rate,gradient_norm,images_per_second,validation_psnr\n";
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

std::string format_row(const MetricsRow& row) {
  return fmt::format("{},{:.3f},{:.6g},{:.6g},{:.6g},{:.2f},{}\n", row.step, row.seconds, row.loss,
                     row.learning_rate, row.gradient_norm, row.images_per_second,
                     row.validation_psnr ? fmt::format("{:.4f}", *row.validation_psnr) : "");
}

}  // namespace

void RunFolder::check_free(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error) && !(fs::is_directory(path, error) && fs::is_empty(path, error)))
    fail_usage("--out {}: exists already; give another folder, or --resume to continue that run",
               path.string());
}

RunFolder RunFolder::create(const fs::path& path) {
  check_free(path);
  std::error_code error;
  fs::create_directories(path / "samples", error);
  if (error) fail("--out {}: cannot be made: {}", path.string(), error.message());
  write_file_atomically(path / "metrics.csv", std::string_view(kHeader));
  return RunFolder(path);
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    fail("{}: there is no such run folder; train_cuda makes one", path.string());
  if (!fs::exists(path / "config.json", error))
    fail("{}: not a run folder: it has no config.json", path.string());
  return RunFolder(path);
}

fs::path RunFolder::fresh_name(const std::string& model) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string stem = fmt::format("{:%Y%m%d-%H%M%S}-{}", now, model);
  fs::path path = fs::path("runs") / stem;
  for (int i = 2; fs::exists(path); i++) path = fs::path("runs") / fmt::format("{}-{}", stem, i);
  return path;
}

void RunFolder::write_config(const nlohmann::json& config) const {
  write_file_atomically(path_ / "config.json", std::string_view(config.dump(2) + "\n"));
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
    rows.push_back(row);
  }
  return rows;
}

void RunFolder::truncate_metrics(uint64_t step) {
  std::string text = kHeader;
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

void RunFolder::load_checkpoint(Trainer& trainer) const {
  std::error_code ignored;
  fs::path path = path_ / kCheckpoint;
  if (!fs::exists(path, ignored)) path = path_ / kPrevious;
  if (!fs::exists(path, ignored)) fail("{}: there is no checkpoint to resume from", path_.string());
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

std::vector<float> RunFolder::load_weights(const ParameterSet& parameters) const {
  std::error_code ignored;
  fs::path path = path_ / kCheckpoint;
  if (!fs::exists(path, ignored)) path = path_ / kPrevious;
  if (!fs::exists(path, ignored))
    fail("{}: the run has no checkpoint yet; let train_cuda finish or resume it", path_.string());
  const Safetensors file(path);
  std::vector<float> values(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list())
    std::memcpy(&values[p.offset], file.get("ema." + p.name, p.shape, DType::f32),
                static_cast<size_t>(p.shape.count()) * sizeof(float));
  return values;
}

}  // namespace dae
