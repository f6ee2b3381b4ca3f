#include "train/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "evaluate/measure.h"
#include "record/device_record.h"
#include "record/feature_file.h"
#include "record/run_folder.h"
#include "record/trained_on.h"
#include "report/profile_table.h"
#include "report/run_report.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "train/budget.h"
#include "train/run_features.h"
#include "train/trainer.h"
#include "train/training_pictures.h"
#include "train/validation.h"

namespace dae {
namespace {

constexpr int64_t kFinalViews = 128, kMetricsRows = 400;
constexpr double kCheckpointSeconds = 60;
// A loss so many times the first one has exploded: spikes that training survives are of a hundred times
// what is usual (docs/recipe.md).
constexpr float kExploded = 1e4f;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

RunConfig settled(RunConfig config, Device device) {
  settle_precision(config.network, device);
  return config;
}

// A run whose pictures lie elsewhere now.
RunConfig moved(RunConfig config, const SessionOptions& options) {
  if (!options.config.dataset.empty()) config.dataset = options.config.dataset;
  if (!options.config.validation.empty()) config.validation = options.config.validation;
  if (!options.config.given.empty()) {
    if (config.given.empty())
      fail_field("pairs", "{}: the run learns from its corruption", options.config.given);
    config.given = options.config.given;
  }
  return config;
}

// Everything of one run. The order of the members is the order of its start.
class Session {
 public:
  Session(const SessionOptions& options, TrainingObserver& observer, const std::stop_token& stop)
      : options_(options),
        observer_(observer),
        stop_(stop),
        folder_(options.resume ? std::optional(RunFolder::open_to_train(options.out))
                               : std::nullopt),
        config_(
            settled(options.resume ? moved(read_run_config(options.out), options) : options.config,
                    options.device)),
        pictures_(config_.dataset, config_.given, config_.validation, config_.max_side,
                  options.resume ? config_.held_out : std::vector<std::string>(), observer) {
    config_.held_out = pictures_.held_out_names();
    end_if_stopped();
    plan();
  }

  TrainingOutcome run();
  // What is left of the run when it ends here, in words.
  std::string what_is_kept() const;

 private:
  void end_if_stopped() const {
    if (stop_.stop_requested()) throw Cancelled("the training was stopped before its first step");
  }
  void plan();
  void find_features();
  void resume(const nlohmann::json& device);
  Measured measure();
  void fix_budget();
  void begin(const nlohmann::json& device);
  void train_steps();
  void end_row(uint64_t step, double mean_loss, bool stopping);
  void end_if_diverged(uint64_t step);
  void tell_progress(uint64_t step);
  void save();
  Evaluation evaluate_held_out(int64_t most_views);
  TrainingOutcome finish();

  SessionOptions options_;
  TrainingObserver& observer_;
  std::stop_token stop_;
  std::optional<RunFolder> folder_;  // of a new run from the moment its number of steps is known
  RunConfig config_;
  TrainingPictures pictures_;
  FeatureNetwork features_;     // of a perceptual loss
  double feature_seconds_ = 0;  // that finding them took
  std::unique_ptr<Validation> validation_;
  std::unique_ptr<Trainer> trainer_;
  uint64_t validate_every_ = 1;
  double earlier_seconds_ = 0;  // of the sessions before this one
  Stopwatch watch_;             // of this one's steps
  uint64_t first_ = 0;          // the steps before them
  uint64_t row_began_ = 0;      // the step of the last row of metrics.csv
  double row_seconds_ = 0;      // of the steps since
  uint64_t skipped_ = 0;        // updates left out until that row
  float first_loss_ = 0;        // of this session; 0 before it is known
  double speed_ = 0;            // images a second; 0 before the first row
  std::optional<double> last_psnr_;
  std::optional<uint64_t> saved_step_;  // of the checkpoint in the folder
  std::vector<std::string> notes_;      // for the report
};

// --- Before the first step ---------------------------------------------------------------------

void Session::find_features() {
  if (!config_.loss.has(LossKind::perceptual)) return;
  const Stopwatch watch;
  if (options_.resume)
    features_ = load_features(folder_->file(kFeatureFile));
  else if (!options_.features.widths.empty())
    features_ = options_.features;
  else
    features_ = train_run_features(pictures_.training(), observer_, stop_);
  feature_seconds_ = watch.seconds();
}

// The plan of the views comes first: it tells how much memory the shared arena needs.
void Session::plan() {
  if (options_.resume) reuse_engines(read_run_json(options_.out).value("device", nlohmann::json()));
  find_features();
  validation_ = std::make_unique<Validation>(options_.device, config_.network, config_.corruption,
                                             pictures_.held_out());
  const TrainerConfig trainer{.device = options_.device,
                              .network = config_.network,
                              .corruption = config_.corruption,
                              .loss = config_.loss,
                              .features = features_,
                              .adam = config_.adam,
                              .schedule = config_.schedule,
                              .batch = config_.batch,
                              .seed = config_.seed};
  trainer_ = make_trainer(trainer, pictures_.training(),
                          {validation_->arena_bytes(), validation_->own_bytes()});
  validation_->attach(trainer_->arena(), trainer_->arena_bytes(), trainer_->ema());
}

void Session::resume(const nlohmann::json& device) {
  for (const std::string& change :
       device_changes(read_run_json(options_.out).value("device", nlohmann::json()), device)) {
    notes_.push_back(fmt::format(
        "Resumed elsewhere: {}. Bits may differ from those of never having stopped.", change));
    observer_.noted(notes_.back());
  }
  std::string problem;
  const auto tell = [&] {
    if (problem.empty()) return;
    notes_.push_back(problem);
    observer_.noted(problem);
  };
  std::optional<Checkpoint> saved = folder_->load_checkpoint(trainer_->parameters(), problem);
  tell();
  if (saved) {
    saved_step_ = saved->state.step;
    saved->state.schedule = config_.schedule;
    trainer_->restore(*saved);
  } else {
    saved.emplace();
    observer_.noted(
        fmt::format("{}: it ended before its first checkpoint; it starts again from step 0",
                    folder_->path().string()));
  }
  const std::vector<MetricsRow> rows =
      folder_->truncate_metrics(saved->state.step, config_.loss, problem);
  tell();
  skipped_ = saved->state.skipped;
  row_began_ = saved->state.step - static_cast<uint64_t>(saved->noted_steps);
  const uint64_t last_row = rows.empty() ? 0 : rows.back().step;
  if (!rows.empty()) earlier_seconds_ = rows.back().seconds;
  if (last_row != row_began_) {
    problem = fmt::format("metrics.csv has lost rows: its last is of step {}, expected step {}",
                          last_row, row_began_);
    tell();
  }
}

// The seconds that f takes, as it takes them when it is left to run: a process that was stopped
// meanwhile (Ctrl-Z, a lid that was closed) has waited without working, and f is measured again. A
// host that waits for a GPU does not work either, so there the first time counts.
template <class F>
double undisturbed_seconds(Device device, const F& f) {
  for (int tries = 1;; tries++) {
    const std::clock_t worked = std::clock();
    const Stopwatch watch;
    f();
    const double seconds = watch.seconds();
    const double idle = seconds - static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC;
    if (device == Device::cuda || idle < std::max(1.0, 0.75 * seconds) || tries == 3)
      return seconds;
  }
}

// Runs a few steps, a validation and a part of the evaluation at the end, then puts everything back
// as it was: what follows is the same run that a number of steps would have made.
Measured Session::measure() {
  const Stopwatch whole;
  Measured measured;
  const Checkpoint kept = trainer_->checkpoint();
  trainer_->run(1);  // warms caches and threads
  const double enough = std::clamp(0.03 * options_.budget.seconds, 0.2, 6.0);
  int steps = 0;
  const double stepping = undisturbed_seconds(options_.device, [&] {
    const Stopwatch watch;
    for (steps = 0; steps < 3 || watch.seconds() < enough;) steps += trainer_->run(2);
    trainer_->take_mean_loss();  // which waits for them
  });
  measured.step = stepping / steps;
  measured.validation = undisturbed_seconds(options_.device, [&] { validation_->psnr(); });
  trainer_->restore(kept);
  // A quarter of its views says how long the evaluation takes.
  measured.evaluation =
      4 * undisturbed_seconds(options_.device, [&] { evaluate_held_out(kFinalViews / 4); });
  measured.spent = feature_seconds_ + whole.seconds();
  return measured;
}

void Session::fix_budget() {
  const uint64_t done = trainer_->state().step, planned = config_.schedule.total;
  TrainingBudget budget = options_.budget;
  // The command that a run was started with, given again, goes on to where it was to end.
  if (options_.resume && done < planned && budget.seconds > 0 &&
      config_.budget.starts_with(fmt::format("--time {:g},", budget.seconds)))
    budget = {};
  const Steps steps =
      steps_of(budget, config_.schedule, done, pictures_.training_count(), config_.batch,
               options_.validations, budget.seconds > 0 ? std::optional(measure()) : std::nullopt);
  if (steps.total == done) {
    observer_.noted(
        fmt::format("the run has {0} of {0} steps behind it: its report is made again; more steps "
                    "or seconds go on",
                    done));
    return;
  }
  validate_every_ = static_cast<uint64_t>(steps.validate_every);
  config_.schedule.total = steps.total;
  if (!options_.resume)
    config_.budget = steps.words;
  else if (!steps.words.empty())  // the record of how it came here stays: it can be repeated
    config_.budget += fmt::format("; from step {}: {}", done, steps.words);
  // Where a run begins, or begins again beyond its end at a rate of zero, the rate rises.
  if (!options_.resume || done >= planned) {
    config_.schedule.start = done;
    config_.schedule.warmup = std::clamp<uint64_t>((steps.total - done) / 10, 1, 100);
  }
  trainer_->set_schedule(config_.schedule);
}

void Session::begin(const nlohmann::json& device) {
  nlohmann::json json = to_json(config_);
  json["software"] = describe_build();
  json["device"] = device;
  if (options_.resume)
    folder_->write_config(json);
  else
    folder_ = RunFolder::create(options_.out, json, config_.loss, features_);
  first_ = trainer_->state().step;
  observer_.started({.run = folder_->path(),
                     .memory = to_string(trainer_->memory(), options_.device),
                     .weights = trainer_->parameters().weights(),
                     .training_pictures = pictures_.training_count(),
                     .held_out_pictures = pictures_.held_out_count(),
                     .batch = config_.batch,
                     .step = first_,
                     .last_step = config_.schedule.total});
}

// --- Steps -------------------------------------------------------------------------------------

void Session::train_steps() {
  const uint64_t total = config_.schedule.total;
  const uint64_t log_every = std::max<uint64_t>(1, (total + kMetricsRows - 1) / kMetricsRows);
  const auto next_multiple = [](uint64_t step, uint64_t of) { return (step / of + 1) * of; };
  uint64_t step = first_;
  bool stopping = stop_.stop_requested();
  Stopwatch since_save;
  watch_ = {};
  while (step < total && !stopping) {
    const Stopwatch stepping;
    const uint64_t due =
        std::min({total, next_multiple(step, log_every), next_multiple(step, validate_every_)});
    if (options_.profile) {
      trainer_->run_profiled();
      step++;
    } else {
      step +=
          static_cast<uint64_t>(trainer_->run(static_cast<int>(std::min<uint64_t>(due - step, 2))));
    }
    end_if_diverged(step);
    tell_progress(step);
    stopping = stop_.stop_requested();  // what was trained since the last row gets one
    const bool row_due = step == due || stopping;
    const double mean_loss = row_due ? trainer_->take_mean_loss() : 0;  // waits for the steps
    row_seconds_ += stepping.seconds();
    if (row_due) end_row(step, mean_loss, stopping);
    if (since_save.seconds() > kCheckpointSeconds) {
      save();
      since_save = {};
    }
  }
}

// A row of metrics.csv for the steps since the last one, with a validation where one is due.
void Session::end_row(uint64_t step, double mean_loss, bool stopping) {
  // Of those of this session alone, which row_seconds_ is of.
  const uint64_t steps = step - std::max(row_began_, first_);
  speed_ = double(config_.batch) * double(steps) / row_seconds_;
  row_began_ = step;
  row_seconds_ = 0;
  const StepState state = trainer_->state();
  MetricsRow row{.step = step,
                 .seconds = earlier_seconds_ + watch_.seconds(),
                 .loss = mean_loss,
                 .learning_rate = state.learning_rate,
                 .gradient_norm = state.gradient_norm,
                 .images_per_second = speed_,
                 .validation_psnr = {},
                 .terms = trainer_->mean_terms()};
  if (state.skipped - skipped_ == steps && steps > 1)
    fail(
        "none of the {} updates up to step {} could be made, since no gradient was finite; {}. Try "
        "a "
        "smaller learning rate",
        steps, step, what_is_kept());
  skipped_ = state.skipped;
  const bool validate = step == config_.schedule.total || step % validate_every_ == 0 || stopping;
  if (validate) last_psnr_ = row.validation_psnr = validation_->psnr();
  folder_->append(row);
  observer_.measured(row);
  if (!validate) return;
  const std::string name = fmt::format("step_{:07}.png", step);
  folder_->write_sample(name, validation_->samples());
  observer_.sampled(folder_->path() / "samples" / name);
}

// What comes after is of no use, and would be saved.
void Session::end_if_diverged(uint64_t step) {
  const float loss = trainer_->loss();
  if (first_loss_ == 0 && std::isfinite(loss)) first_loss_ = loss;
  if (loss <= kExploded * first_loss_) return;
  const std::string where = std::isfinite(loss) ? "" : trainer_->where_not_finite();
  fail(
      "the training has come apart by step {}: its loss is {:g}, after {:g} at first{}; {}. Try a "
      "smaller "
      "learning rate",
      step, loss, first_loss_, where.empty() ? "" : fmt::format(" ({})", where), what_is_kept());
}

void Session::tell_progress(uint64_t step) {
  const uint64_t total = config_.schedule.total;
  observer_.progressed(
      {.step = step,
       .last_step = total,
       .loss = trainer_->loss(),
       .images_per_second = speed_,
       .validation_psnr = last_psnr_,
       .seconds_left = watch_.seconds() / double(step - first_) * double(total - step)});
}

void Session::save() {
  const Checkpoint checkpoint = trainer_->checkpoint();
  folder_->save_checkpoint(trainer_->parameters(), checkpoint);
  saved_step_ = checkpoint.state.step;
  observer_.saved(checkpoint.state.step, folder_->file("checkpoint.safetensors"));
}

// --- After the last step -----------------------------------------------------------------------

Evaluation Session::evaluate_held_out(int64_t most_views) {
  ParameterSet parameters = trainer_->parameters();
  Evaluation evaluation =
      dae::measure({options_.device,
                    config_.network,
                    parameters,
                    trainer_->ema(),
                    {trainer_->arena(), trainer_->arena_bytes()}},
                   pictures_.validation(), pictures_.validation_images(),
                   {.corruption = config_.corruption,
                    .views_per_image = views_an_image(most_views, pictures_.held_out_count()),
                    .most_views = most_views,
                    .seed = kValidationSeed});
  evaluation.dataset = validated_on(config_);
  evaluation.pictures = pictures_.held_out_count();
  evaluation.left_out = pictures_.left_out();
  return evaluation;
}

TrainingOutcome Session::finish() {
  const StepState state = trainer_->state();
  Image samples = validation_->samples();
  folder_->write_sample("final.png", samples);
  observer_.sampled(folder_->path() / "samples" / "final.png");
  TrainingOutcome outcome{.run = folder_->path(),
                          .step = state.step,
                          .last_step = config_.schedule.total,
                          .held_out_pictures = pictures_.held_out_count(),
                          .evaluation = evaluate_held_out(kFinalViews),
                          .profile = {}};
  std::string problem;
  ReportInput input{.title = "Run " + folder_->path().filename().string(),
                    .config = config_,
                    .metrics = folder_->metrics(problem),
                    .samples = std::move(samples),
                    .evaluation = outcome.evaluation,
                    .step = state.step,
                    .weights = trainer_->parameters().weights(),
                    .notes = notes_};
  if (outcome.step < outcome.last_step)
    input.notes.push_back(fmt::format(
        "Interrupted after {} of {} steps; train_cuda --resume --out {} goes on from there.",
        outcome.step, outcome.last_step, folder_->path().string()));
  if (state.skipped > 0)
    input.notes.push_back(fmt::format(
        "{} updates were left out because the gradient was not finite.", state.skipped));
  if (!problem.empty()) input.notes.push_back(problem);
  for (const std::string& reason : outcome.evaluation.left_out)
    input.notes.push_back("Left out: " + reason);
  folder_->write_report(render_report(input));
  if (trainer_->executor().profiled_runs() > 0)
    outcome.profile = profile_table(trainer_->executor(), options_.device, config_.network.dtype);
  return outcome;
}

TrainingOutcome Session::run() {
  const nlohmann::json device = describe_device(options_.device);
  if (options_.resume) resume(device);
  const bool starts_from = !options_.first_weights.empty();
  if (starts_from) {
    const std::vector<float>& weights = options_.first_weights;
    const std::vector<float> zeros(weights.size());
    trainer_->restore({weights, weights, zeros, zeros, {.schedule = config_.schedule}});
  }
  fix_budget();
  begin(device);
  if (starts_from) save();  // what the folder cannot make again from the seed
  train_steps();
  if (saved_step_ != trainer_->state().step) save();
  return finish();
}

std::string Session::what_is_kept() const {
  if (!folder_) return "nothing was written";
  const std::string path = folder_->path().string();
  return saved_step_
             ? fmt::format("{} keeps the checkpoint of step {}, which it can be resumed from", path,
                           *saved_step_)
             : fmt::format("{} has no checkpoint yet", path);
}

}  // namespace

TrainingOutcome run_session(const SessionOptions& options, TrainingObserver& observer,
                            const std::stop_token& stop) {
  check(options.budget, options.resume);
  // Before any work: a folder that is taken is a mistake to hear of at once.
  if (!options.resume && !options.out.empty() && !RunFolder::is_free(options.out))
    fail_field("out", "{}: exists already; give another folder, or resume that run",
               options.out.string());
  Session session(options, observer, stop);
  try {
    return session.run();
  } catch (const DeviceLost& lost) {
    fail("{}; {}", lost.what(), session.what_is_kept());
  }
}

}  // namespace dae
