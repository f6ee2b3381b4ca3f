#include "laboratory/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/hash.h"
#include "data/text.h"
#include "laboratory/study_page.h"
#include "record/run_config.h"
#include "record/run_folder.h"
#include "report/evaluation_tables.h"
#include "runtime/error.h"
#include "train/configured.h"

namespace dae {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kLock = "lock", *kArguments = "arguments.json", *kResult = "result.json",
                     *kFailure = "failure.json";
constexpr size_t kLongestName = 200;  // file systems take 255 bytes

// Milliseconds since 1970, by which processes on several machines tell what was before them.
int64_t now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A value as a part of a file's name that shells take without quotes.
std::string safe(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '+' || c == '-' || c == '.';
    out += plain ? c : c == '*' ? 'x' : '-';
  }
  return out;
}

// What makes a run the one it is: its configuration but for what training makes of it.
json arguments_of(const TrainingOptions& options) {
  json arguments = to_json(configured(options));
  for (const char* const made : {"warmup", "steps", "start"}) arguments["optimizer"].erase(made);
  arguments["data"].erase("held_out");
  arguments["budget"] = {{"seconds", options.budget.seconds},
                         {"steps", options.budget.steps},
                         {"epochs", options.budget.epochs}};
  if (!options.features.empty())
    arguments["features"] = fs::absolute(options.features).lexically_normal().string();
  return arguments;
}

// Whether a file is there now, also where another machine made it: a folder that is opened is looked at
// anew, while network file systems answer from memory for half a minute what they are asked of one file.
bool is_there(const fs::path& file) {
  std::error_code error;
  for (fs::directory_iterator it(file.parent_path(), error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename() == file.filename()) return true;
  return false;
}

json read_json(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  try {
    return json_from({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    fail("{}: {}", path.string(), error.what());
  }
}

void write_json(const fs::path& path, const json& value) {
  write_file_atomically(path, std::string_view(file_text(value)));
}

// "loss is "mse" there and "l1" here", of the first key that differs.
std::string difference(const json& there, const json& here) {
  const json a = there.flatten(), b = here.flatten();
  for (const json* const all : {&b, &a})
    for (const auto& [key, value] : all->items())
      if (!a.contains(key) || !b.contains(key) || a[key] != b[key])
        return fmt::format("{} is {} there and {} here", key.substr(1),
                           a.contains(key) ? a[key].dump() : "not said",
                           b.contains(key) ? b[key].dump() : "not said");
  return "";
}

void check_pictures(const TrainingOptions& options) {
  for (const std::string& given : {options.dataset, options.validation, options.pairs}) {
    std::error_code ignored;
    if (!given.empty() && given != "synthetic" && !fs::exists(given, ignored))
      fail("{}: there is no such folder", given);
  }
}

StudyFigures figures_of(const json& evaluation, const char* of, double seconds) {
  StudyFigures figures;
  for (size_t i = 0; i < kStudyFigureCount; i++) {
    const json& row = evaluation.at("all");
    const char* const key = kStudyFigures[i].key;
    const json& value = row.contains(key) ? row.at(key).at(of) : json(seconds);
    figures[i] = value.is_number() ? value.get<double>() : std::nan("");
  }
  return figures;
}

std::string hash_of(const std::vector<std::string>& names) {
  Hash hash;
  for (const std::string& name : names) hash.add(name + "\n");
  return hash.digits();
}

json result_of(const fs::path& run, const Evaluation& evaluation) {
  std::string ignored;
  const std::vector<MetricsRow> rows = RunFolder::open(run).metrics(ignored);
  json validation = json::array();
  for (const MetricsRow& row : rows)
    if (row.validation_psnr) validation.push_back({row.step, *row.validation_psnr});
  return {{"seconds", rows.empty() ? json() : json(rows.back().seconds)},
          {"held_out", hash_of(read_run_config(run).held_out)},
          {"validation", validation},
          {"evaluation", to_json(evaluation)}};
}

}  // namespace

std::vector<Setting> product_of(const std::vector<Varied>& varied) {
  std::vector<Setting> settings = {{}};
  for (const Varied& one : varied) {
    std::vector<Setting> longer;
    for (const Setting& setting : settings)
      for (const std::string& value : one.values) {
        longer.push_back(setting);
        longer.back().emplace_back(one.option, value);
      }
    settings = std::move(longer);
  }
  return settings;
}

std::string name_of(const Setting& setting) {
  std::string name;
  for (const auto& [option, value] : setting)
    name += (name.empty() ? "" : "_") + option + "-" + safe(value);
  return name.empty() ? "all" : name;
}

std::string StudyRun::name() const {
  return fmt::format("{}_seed-{}", name_of(setting), options.seed);
}

Study::Study(const fs::path& folder, std::vector<StudyRun> runs)
    : folder_(folder.has_filename() ? folder : folder.parent_path()), runs_(std::move(runs)) {
  std::map<std::string, std::string> contents;  // to a run's name
  for (const StudyRun& run : runs_) {
    const std::string name = run.name();
    if (name.size() > kLongestName)
      fail_usage("{}: a folder cannot have so long a name; vary shorter values", name);
    if (arguments_.contains(name))
      fail_usage("{}: two settings would have this folder; vary values that differ in letters",
                 name);
    check_pictures(run.options);
    arguments_[name] = file_text(arguments_of(run.options));
    const auto [known, is_new] = contents.emplace(arguments_[name], name);
    if (!is_new) fail_usage("{} and {} are the same training", known->second, name);
  }
  for (const StudyRun& run : runs_) check_same(run);
}

fs::path Study::record(const StudyRun& run, const char* name) const {
  return folder_ / "records" / run.name() / name;
}

void Study::check_same(const StudyRun& run) const {
  const fs::path path = folder_ / run.name(), arguments = record(run, kArguments);
  if (RunFolder::is_free(path) && !is_there(record(run, kResult))) return;  // as of one that failed
  if (!is_there(arguments))
    fail_usage("{}: holds what this study did not make; give another --out", path.string());
  const std::string differs =
      difference(read_json(arguments), json_from(arguments_.at(run.name())));
  if (!differs.empty())
    fail_usage("{}: holds a run of other arguments, {}; give another --out", path.string(),
               differs);
}

bool Study::is_over(const StudyRun& run) const {
  if (is_there(record(run, kResult)) || failed_.contains(run.name())) return true;
  const fs::path failure = record(run, kFailure);
  return is_there(failure) && read_json(failure).value("when", int64_t{0}) >= begin_;
}

StudyState Study::state(const StudyRun& run) const {
  StudyState state;
  const fs::path result = record(run, kResult), failure = record(run, kFailure);
  try {
    if (is_there(result)) {
      const json read = read_json(result);
      const json& seconds = read.at("seconds");
      const double took = seconds.is_number() ? seconds.get<double>() : std::nan("");
      state.restored = figures_of(read.at("evaluation"), "restored", took);
      state.corrupted = figures_of(read.at("evaluation"), "corrupted", std::nan(""));
      state.held_out = read.at("held_out").get<std::string>();
      for (const json& point : read.at("validation")) {
        state.steps.push_back(point.at(0).get<double>());
        state.psnr.push_back(point.at(1).is_number() ? point.at(1).get<double>() : std::nan(""));
      }
      state.kind = StudyState::Kind::finished;
    } else if (is_there(failure)) {
      state.failure = read_json(failure).at("why").get<std::string>();
      state.kind = StudyState::Kind::failed;
    } else if (is_there(record(run, kArguments))) {
      state.kind = StudyState::Kind::begun;
    }
  } catch (const std::exception& error) {
    return {.kind = StudyState::Kind::failed,
            .failure = fmt::format("what is recorded of it cannot be read ({}); remove {}",
                                   error.what(), result.parent_path().string())};
  }
  return state;
}

// `others`: whether a run that is not over is another's.
std::optional<Study::Taken> Study::take_next(bool& others) {
  others = false;
  for (size_t i = 0; i < runs_.size(); i++) {
    const StudyRun& run = runs_[i];
    if (is_over(run)) continue;
    fs::create_directories(record(run, kLock).parent_path());
    std::optional<FileLock> lock = FileLock::take(record(run, kLock));
    if (is_over(run)) continue;  // since then: whoever had it has let it go
    if (lock) return Taken{i, std::move(*lock)};
    others = true;
  }
  return std::nullopt;
}

// False when it was stopped.
bool Study::train_one(const StudyRun& run, StudyObserver& observer, const std::stop_token& stop) {
  const fs::path path = folder_ / run.name();
  check_same(run);  // others may have begun since this study was opened
  write_file_atomically(record(run, kArguments), std::string_view(arguments_.at(run.name())));
  TrainingOptions options = run.options;
  options.out = path;
  std::string why;
  try {
    const TrainingOutcome outcome =
        is_there(path / "config.json")
            ? resume_training(path, {.device = options.device, .save_every = options.save_every},
                              observer, stop)
            : train(options, observer, stop);
    if (outcome.step < outcome.last_step) return false;
    write_json(record(run, kResult), result_of(path, outcome.evaluation));
    fs::remove(record(run, kFailure));
    observer.ended(outcome);
    return true;
  } catch (const Cancelled&) {
    return false;
  } catch (const std::bad_alloc&) {
    why = "not enough memory";
  } catch (const std::exception& error) {
    why = error.what();
  }
  failed_.insert(run.name());
  write_json(record(run, kFailure), {{"why", valid_utf8(why)}, {"when", now()}});
  observer.failed(why);
  return true;
}

Study::End Study::train_missing(StudyObserver& observer, const std::stop_token& stop) {
  begin_ = now();
  failed_.clear();
  bool others = false;
  while (!stop.stop_requested()) {
    const std::optional<Taken> taken = take_next(others);
    if (!taken) {
      write_study_table(*this);
      return others ? End::elsewhere : End::over;
    }
    const StudyRun& run = runs_[taken->number];
    observer.begins(run, taken->number + 1);
    if (!train_one(run, observer, stop)) break;
    write_study_table(*this);
  }
  write_study_table(*this);
  return End::stopped;
}

}  // namespace dae
