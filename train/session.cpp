#include "train/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "record/device_record.h"
#include "record/feature_file.h"
#include "record/run_folder.h"
#include "record/trained_on.h"
#include "report/profile_table.h"
#include "report/run_report.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/field.h"
#include "runtime/memory.h"
#include "train/budget.h"
#include "train/elapsed.h"
#include "train/follower.h"
#include "train/held_out.h"
#include "train/run_features.h"
#include "train/run_log.h"
#include "train/trainer.h"
#include "train/training_pictures.h"
#include "train/validation.h"

namespace dae {
namespace {

constexpr int64_t kFinalViews = 128;

RunConfig settled(RunConfig config, const SessionOptions& options) {
  settle_precision(config.network, options.device);
  check({config.shards, options.ranks}, config.batch);
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
                    options)),
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
  Reached reached_;
  uint64_t validate_every_ = 1;
  double stepping_seconds_ = 0;     // of this session
  double waited_seconds_ = 0;       // for pictures, of those
  std::optional<RunLog> log_;       // from the first step of this session on
  std::vector<std::string> notes_;  // for the report
};

// --- Before the first step ---------------------------------------------------------------------

void Session::find_features() {
  if (!config_.loss.has(LossKind::perceptual)) return;
  const Elapsed watch;
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
                                             pictures_.held_out(), options_.ranks);
  const std::vector<Source> training = pictures_.training();
  if (options_.ranks) {
    tell_run(options_, config_, features_, pictures_);
    await_followers(options_);
  }
  trainer_ = make_trainer(trainer_config(config_, options_, features_, pictures_), training,
                          {validation_->arena_bytes(), validation_->own_bytes()});
  if (options_.ranks) meet(*options_.ranks);
  validation_->attach(trainer_->arena(), trainer_->arena_bytes(), trainer_->ema());
}

void Session::resume(const nlohmann::json& device) {
  const nlohmann::json then = read_run_json(options_.out);
  std::vector<std::string> changes = device_changes(then.value("device", nlohmann::json()), device);
  if (options_.device == Device::cpu)
    for (std::string& change :
         software_changes(then.value("software", nlohmann::json()), describe_build()))
      changes.push_back(std::move(change));
  if (const auto pictures = then.find("pictures");
      pictures != then.end() && *pictures != pictures_.hash())
    changes.push_back(fmt::format("the pictures in {} are others than it had", config_.dataset));
  for (const std::string& change : changes) {
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
  if (!saved) {
    saved.emplace();
    observer_.noted(fmt::format("{}: it has no checkpoint; it starts again from step 0",
                                folder_->path().string()));
  } else {
    reached_.saved = saved->state.step;
    saved->state.schedule = config_.schedule;
    trainer_->restore(*saved);
  }
  // A row of a later step counts steps that the checkpoint has the losses of.
  reached_.row = saved->state.step - static_cast<uint64_t>(saved->noted_steps);
  const std::vector<MetricsRow> rows =
      folder_->truncate_metrics(reached_.row, config_.loss, problem);
  tell();
  reached_.skipped = saved->state.skipped;
  const uint64_t last_row = rows.empty() ? 0 : rows.back().step;
  if (!rows.empty()) reached_.seconds = rows.back().seconds;
  if (last_row == reached_.row) return;
  problem = fmt::format("metrics.csv has lost rows: its last is of step {}, expected step {}",
                        last_row, reached_.row);
  tell();
}

// The seconds that f takes, as it takes them when it is left to run: a process that was stopped
// meanwhile (Ctrl-Z, a lid that was closed) has waited without working, and f is measured again. A
// host that waits for a GPU does not work either, so there the first time counts.
template <class F>
double undisturbed_seconds(Device device, const F& f) {
  for (int tries = 1;; tries++) {
    const std::clock_t worked = std::clock();
    const Elapsed watch;
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
  const Elapsed whole;
  Measured measured;
  const Checkpoint kept = trainer_->checkpoint();
  trainer_->run(1);  // warms caches and threads
  const double enough = std::clamp(0.03 * options_.budget.seconds, 0.2, 6.0);
  int steps = 0;
  const double stepping = undisturbed_seconds(options_.device, [&] {
    const Elapsed watch;
    for (steps = 0; steps < 3 || watch.seconds() < enough;) steps += trainer_->run(2);
    trainer_->take_mean_loss();  // which waits for them
  });
  measured.step = stepping / steps;
  measured.validation = undisturbed_seconds(options_.device, [&] {
    trainer_->announce({Trainer::Shared::Work::validation});
    validation_->psnr();
  });
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
  json["pictures"] = pictures_.hash();
  if (options_.resume)
    folder_->write_config(json);
  else
    folder_ = RunFolder::create(options_.out, json, config_.loss, features_);
  tell_folder(options_, *trainer_, std::filesystem::absolute(folder_->path()));
  reached_.step = trainer_->state().step;
  observer_.started({.run = folder_->path(),
                     .memory = to_string(trainer_->memory(), options_.device),
                     .weights = trainer_->parameters().weights(),
                     .training_pictures = pictures_.training_count(),
                     .held_out_pictures = pictures_.held_out_count(),
                     .batch = config_.batch,
                     .shards = config_.shards,
                     .ranks = options_.ranks ? options_.ranks->size() : 1,
                     .step = reached_.step,
                     .last_step = config_.schedule.total});
}

// --- Steps -------------------------------------------------------------------------------------

void Session::train_steps() {
  const uint64_t total = config_.schedule.total;
  RunLog& log = log_.emplace(*trainer_, *validation_, *folder_, observer_,
                             RunLog::Options{.reached = reached_,
                                             .last_step = total,
                                             .validate_every = validate_every_,
                                             .batch = config_.batch,
                                             .save_every = options_.save_every});
  if (!options_.first_weights.empty())
    log.save();  // the folder cannot make them again from the seed
  uint64_t step = reached_.step;
  const double waited_before = trainer_->seconds_waited();  // while its speed was measured
  bool stopping = stop_.stop_requested();
  while (step < total && !stopping) {
    const Elapsed stepping;
    const uint64_t due = log.next_row(step);
    if (options_.profile) {
      trainer_->run_profiled();
      step++;
    } else {
      step +=
          static_cast<uint64_t>(trainer_->run(static_cast<int>(std::min<uint64_t>(due - step, 2))));
    }
    stepping_seconds_ += stepping.seconds();
    log.stepped(step, stepping.seconds());
    stopping = stop_.stop_requested();  // what was trained since the last row gets one
    if (stopping) log.save();  // whoever stops it, mpirun above all, may not wait for a validation
    if (step == due || stopping) log.end_row(step, stopping);
    log.save_if_due();
  }
  waited_seconds_ = trainer_->seconds_waited() - waited_before;
  if (log.saved_step() != step || stopping) log.save();  // with the row that a stop makes
}

// --- After the last step -----------------------------------------------------------------------

Evaluation Session::evaluate_held_out(int64_t most_views) {
  trainer_->announce({Trainer::Shared::Work::evaluation, most_views});
  Evaluation evaluation =
      measure_held_out(*trainer_, config_, options_.device, pictures_, most_views, options_.ranks);
  evaluation.dataset = validated_on(config_);
  evaluation.max_side = config_.max_side;
  evaluation.pictures = pictures_.held_out_count();
  evaluation.left_out = pictures_.left_out();
  return evaluation;
}

std::string waiting_in_words(double waited, double stepping) {
  if (stepping <= 0) return "";
  return fmt::format("waited for pictures: {:.2f}% of the time\n", 100 * waited / stepping);
}

TrainingOutcome Session::finish() {
  const StepState state = trainer_->state();
  Image samples = validation_->samples();
  validation_.reset();  // the evaluation has its memory now
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
    outcome.profile = profile_table(trainer_->executor(), options_.device, config_.network.dtype) +
                      waiting_in_words(waited_seconds_, stepping_seconds_);
  return outcome;
}

TrainingOutcome Session::run() {
  const nlohmann::json device = describe_device(options_.device);
  if (options_.resume) resume(device);
  if (!options_.first_weights.empty()) {
    const std::vector<float>& weights = options_.first_weights;
    const std::vector<float> zeros(weights.size());
    trainer_->restore({weights, weights, zeros, zeros, {.schedule = config_.schedule}});
  }
  fix_budget();
  begin(device);
  train_steps();
  return finish();
}

std::string Session::what_is_kept() const {
  if (!folder_) return "nothing was written";
  return dae::what_is_kept(*folder_, log_ ? log_->saved_step() : reached_.saved);
}

}  // namespace

TrainingOutcome run_session(const SessionOptions& options, TrainingObserver& observer,
                            const std::stop_token& stop) {
  check(options.budget, options.resume);
  check_field("save_every", options.save_every, 0, 1e9);
  if (options.ranks && options.ranks->rank() > 0) {
    follow_run(options);
    return {};
  }
  // Before any work: a folder that is taken is a mistake to hear of at once.
  if (!options.resume && !options.out.empty() && !RunFolder::is_free(options.out))
    fail_field("out", "{}: exists already; give another folder, or resume that run",
               options.out.string());
  Session session(options, observer, stop);
  try {
    return session.run();
  } catch (const DeviceLost& lost) {
    fail("{}{}; {}", options.ranks ? describe(*options.ranks, 0) + ": " : "", lost.what(),
         session.what_is_kept());
  } catch (const RankLost& lost) {
    fail("{}; {}", lost.what(), session.what_is_kept());
  }
}

}  // namespace dae
