#include "train/training.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "corrupt/corrupted_view.h"
#include "data/dataset.h"
#include "evaluate/evaluation.h"
#include "kernels/layers/ceilings.h"
#include "quality/psnr.h"
#include "record/dataset_images.h"
#include "record/device_record.h"
#include "record/feature_file.h"
#include "record/run_folder.h"
#include "report/run_report.h"
#include "report/sheet.h"
#include "restore/view_restorer.h"
#include "runtime/device.h"
#include "tools/open_pictures.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "train/run_features.h"
#include "train/trainer.h"

namespace dae {
namespace {

constexpr int64_t kValidationViews = 64, kValidationBatch = 16, kSampleViews = 6, kFinalViews = 128;
constexpr int64_t kValidations = 20, kBriefValidations = 4, kMetricsRows = 400;
constexpr double kCheckpointSeconds = 60;
constexpr uint64_t kEvaluationSeed = 1;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Everything of one run. The order of the members is the order of its start.
class TrainingRun {
 public:
  explicit TrainingRun(const TrainingOptions& options)
      : options_(options),
        folder_(options.resume ? std::optional(RunFolder::open_to_train(options.out))
                               : std::nullopt),
        config_(options.resume ? read_run_config(options.out) : options.config),
        dataset_(open_pictures(config_.dataset, config_.max_side)) {
    if (config_.validation.empty()) {
      if (dataset_.size() < 2)
        fail("the dataset holds one image: give --val, a folder to validate on, or add images");
      Split split = hold_out(dataset_, kHeldOut);
      train_images_ = std::move(split.train);
      validation_images_ = std::move(split.held_out);
    } else {
      validation_dataset_ = open_pictures(config_.validation, config_.max_side);
      for (int64_t i = 0; i < dataset_.size(); i++) train_images_.push_back(i);
      for (int64_t i = 0; i < validation().size(); i++) validation_images_.push_back(i);
    }
    config_.held_out = names_of(validation(), validation_images_);
    plan();
  }

  int run();
  // What is left of the run when it ends here, in words.
  std::string what_is_kept() const;

 private:
  const Dataset& validation() const {
    return config_.validation.empty() ? dataset_ : validation_dataset_;
  }
  void plan();
  void find_features();
  double measure_step_seconds(double budget, double* validation_seconds);
  int64_t views_an_image(int64_t views) const;
  Evaluation evaluate_held_out(int64_t most_views);
  void fix_budget();
  double validate();
  Image draw_samples();
  void save();
  void finish(bool was_interrupted);
  void print_profile() const;

  TrainingOptions options_;
  std::optional<RunFolder> folder_;  // of a new run from the moment its number of steps is known
  RunConfig config_;
  Dataset dataset_, validation_dataset_;
  std::vector<int64_t> train_images_, validation_images_;
  std::vector<Source> validation_sources_;
  std::vector<Draw> validation_draws_;
  FeatureNetwork features_;     // of a perceptual loss
  double feature_seconds_ = 0;  // that finding them took
  std::unique_ptr<ViewRestorer> restorer_;
  std::unique_ptr<Trainer> trainer_;
  int64_t validate_every_ = 1;
  double earlier_seconds_ = 0;  // of the sessions before this one
  std::optional<double> last_psnr_;
  std::optional<uint64_t> saved_step_;  // of the checkpoint in the folder
  std::vector<std::string> notes_;      // for the report
};

void TrainingRun::find_features() {
  if (!config_.loss.has(LossKind::perceptual)) return;
  const auto begin = std::chrono::steady_clock::now();
  if (options_.resume)
    features_ = load_features(folder_->file(kFeatureFile));
  else if (!options_.features.widths.empty())
    features_ = options_.features;
  else
    features_ = train_run_features(sources_of(dataset_, train_images_), options_.brief);
  feature_seconds_ = seconds_since(begin);
}

// The plan of the views comes first: it tells how much memory the shared arena needs.
void TrainingRun::plan() {
  settle_precision(config_.network, options_.device);
  const NetworkConfig& network = config_.network;
  if (options_.resume) reuse_engines(read_run_json(options_.out).value("device", nlohmann::json()));
  find_features();
  ParameterSet same_layout;
  restorer_ = std::make_unique<ViewRestorer>(options_.device, network, same_layout,
                                             flags_of(config_.corruption), kValidationBatch,
                                             network.size, network.size);
  TrainerConfig trainer{.device = options_.device,
                        .network = network,
                        .corruption = config_.corruption,
                        .loss = config_.loss,
                        .features = features_,
                        .adam = config_.adam,
                        .schedule = config_.schedule,
                        .batch = config_.batch,
                        .seed = config_.seed};
  trainer_ = std::make_unique<Trainer>(trainer, sources_of(dataset_, train_images_),
                                       Guest{restorer_->arena_bytes(), restorer_->own_bytes()});
  validation_sources_ = sources_of(validation(), validation_images_);
  restorer_->attach(trainer_->arena(), trainer_->arena_bytes(), trainer_->ema(),
                    validation_sources_);
  const std::vector<View> views =
      fixed_views(validation_sources_, network.size, views_an_image(kValidationViews),
                  kValidationViews, kEvaluationSeed);
  for (size_t i = 0; i < views.size(); i++)
    validation_draws_.push_back(
        draw_evaluation(config_.corruption, kEvaluationSeed, static_cast<int64_t>(i), views[i]));
}

// Runs a few steps and a validation, then puts everything back as it was: what follows is the same
// run that --steps would have made.
double TrainingRun::measure_step_seconds(double budget, double* validation_seconds) {
  const Checkpoint kept = trainer_->checkpoint();

  trainer_->run(1);  // warms caches and threads
  const auto begin = std::chrono::steady_clock::now();
  const double enough = std::clamp(0.03 * budget, 0.2, 6.0);
  int steps = 0;
  while (steps < 3 || seconds_since(begin) < enough) steps += trainer_->run(2);
  trainer_->take_mean_loss();  // which waits for them
  const double step_seconds = seconds_since(begin) / steps;
  const auto validation_begin = std::chrono::steady_clock::now();
  validate();
  *validation_seconds = seconds_since(validation_begin);

  trainer_->restore(kept);
  return step_seconds;
}

// So many that there are `views` in all, even of one picture.
int64_t TrainingRun::views_an_image(int64_t views) const {
  const auto images = static_cast<int64_t>(validation_images_.size());
  return (views + images - 1) / images;
}

Evaluation TrainingRun::evaluate_held_out(int64_t most_views) {
  EvaluationOptions options;
  options.corruption = config_.corruption;
  options.views_per_image = views_an_image(most_views);
  options.most_views = most_views;
  ParameterSet parameters = trainer_->parameters();
  return evaluate({options_.device,
                   config_,
                   parameters,
                   trainer_->ema(),
                   {trainer_->arena(), trainer_->arena_bytes()}},
                  validation(), validation_images_, options);
}

void TrainingRun::fix_budget() {
  const auto begin = std::chrono::steady_clock::now();
  const auto done = static_cast<int64_t>(trainer_->state().step);
  auto total = static_cast<int64_t>(config_.schedule.total);
  std::string budget;
  if (options_.seconds > 0) {
    double validation_seconds = 0;
    const double step_seconds = measure_step_seconds(options_.seconds, &validation_seconds);
    // The evaluation at the end is part of the time; a quarter of its views says how long it takes.
    const auto evaluation_begin = std::chrono::steady_clock::now();
    evaluate_held_out(kFinalViews / 4);
    const double final_seconds = 4 * seconds_since(evaluation_begin);
    // Validation may take a twentieth of the time.
    const double validations = std::clamp(0.05 * options_.seconds / validation_seconds, 2.0,
                                          static_cast<double>(kValidations));
    const double left = options_.seconds - feature_seconds_ - seconds_since(begin) -
                        validations * validation_seconds - final_seconds;
    const auto steps =
        static_cast<int64_t>(std::clamp(left / step_seconds, 1.0, double(kMostSteps - done)));
    total = done + steps;
    validate_every_ =
        std::max<int64_t>(1, static_cast<int64_t>(std::ceil(double(steps) / validations)));
    budget = fmt::format("--time {:g}, which was {} steps here", options_.seconds, steps);
  } else {
    if (options_.steps > 0) {
      total = options_.steps;
      budget = fmt::format("--steps {}", options_.steps);
    } else if (options_.epochs > 0) {
      const double steps =
          std::ceil(options_.epochs * double(train_images_.size()) / double(config_.batch));
      if (steps > double(kMostSteps))
        fail_usage("--epochs {:g} is {:g} steps here; at most {} can be run", options_.epochs,
                   steps, kMostSteps);
      total = static_cast<int64_t>(steps);
      budget = fmt::format("--epochs {:g}", options_.epochs);
    }
    const int64_t validations = options_.brief.empty() ? kValidations : kBriefValidations;
    validate_every_ = std::max<int64_t>(1, (total + validations - 1) / validations);
  }
  if (total <= done)
    fail_usage("{}: the run has {} of {} steps behind it; give a larger --steps, or --time",
               options_.out.string(), done, total);
  config_.schedule.total = static_cast<uint64_t>(total);
  // A resumed run keeps the record of how it came here: with it the run can be repeated.
  if (!options_.resume)
    config_.budget = budget;
  else if (!budget.empty())
    config_.budget += fmt::format("; from step {}: {}", done, budget);
  if (!options_.resume)
    config_.schedule.warmup = std::clamp<uint64_t>(config_.schedule.total / 10, 1, 100);
  StepState state = trainer_->state();
  state.schedule = config_.schedule;
  trainer_->write_state(state);
}

double TrainingRun::validate() {
  const int64_t size = config_.network.size, elements = size * size * 3;
  double sum = 0;
  restorer_->run(validation_draws_, [&](size_t, const ViewRestorer::Views& views) {
    for (int64_t i = 0; i < views.count; i++) {
      const std::vector<float> clean = to_floats(&views.clean[i * elements], size, size);
      std::vector<float> restored(&views.restored[i * elements],
                                  &views.restored[i * elements] + elements);
      for (float& value : restored) value = std::clamp(value, 0.0f, 1.0f);
      sum += psnr_of(mean_squared_error({clean.data(), size, size}, {restored.data(), size, size}));
    }
  });
  return sum / static_cast<double>(validation_draws_.size());
}

Image TrainingRun::draw_samples() {
  const int64_t size = config_.network.size, elements = size * size * 3;
  const std::vector<Draw> draws(
      validation_draws_.begin(),
      validation_draws_.begin() +
          std::min<ptrdiff_t>(kSampleViews, static_cast<ptrdiff_t>(validation_draws_.size())));
  std::vector<Cell> cells;
  restorer_->run(draws, [&](size_t, const ViewRestorer::Views& views) {
    for (int64_t i = 0; i < views.count; i++) {
      const Image clean = to_image(&views.clean[i * elements], size, size);
      const Image restored = to_image(&views.restored[i * elements], size, size);
      const bool first = cells.empty();
      cells.push_back({clean, first ? "clean" : ""});
      cells.push_back(
          {to_image(&views.corrupted[i * elements], size, size), first ? "corrupted" : ""});
      cells.push_back({restored, first ? "restored" : ""});
      cells.push_back({difference(restored, clean), first ? "difference x4" : ""});
    }
  });
  return draw_sheet(cells, 4, size <= 96 ? 2 : 1);
}

void TrainingRun::save() {
  const uint64_t step = trainer_->state().step;
  folder_->save_checkpoint(trainer_->parameters(), trainer_->checkpoint());
  saved_step_ = step;
}

std::string TrainingRun::what_is_kept() const {
  if (!folder_) return "nothing was written";
  const std::string path = folder_->path().string();
  return saved_step_ ? fmt::format(
                           "{0} keeps the checkpoint of step {1}; train_cuda --resume --out "
                           "{0} goes on from there",
                           path, *saved_step_)
                     : fmt::format("{} has no checkpoint yet", path);
}

int TrainingRun::run() {
  const nlohmann::json device = describe_device(options_.device);
  const bool brief = !options_.brief.empty();
  if (!brief) fmt::print("{}\n", to_string(trainer_->memory(), options_.device));
  if (options_.resume) {
    for (const std::string& change :
         device_changes(read_run_json(options_.out).value("device", nlohmann::json()), device))
      notes_.push_back(fmt::format(
          "Resumed elsewhere: {}. Bits may differ from those of never having stopped.", change));
    for (const std::string& note : notes_) fmt::print("{}\n", note);
    if (std::optional<Checkpoint> saved = folder_->load_checkpoint(trainer_->parameters())) {
      saved_step_ = saved->state.step;
      saved->state.schedule = config_.schedule;
      trainer_->restore(*saved);
    } else
      fmt::print("{}: it ended before its first checkpoint; it starts again from step 0\n",
                 folder_->path().string());
    folder_->truncate_metrics(trainer_->state().step, config_.loss);
    if (const std::vector<MetricsRow> rows = folder_->metrics(); !rows.empty())
      earlier_seconds_ = rows.back().seconds;
  }
  fix_budget();
  nlohmann::json json = to_json(config_);
  json["software"] = describe_build();
  json["device"] = device;
  catch_interrupts();
  if (options_.resume)
    folder_->write_config(json);
  else
    folder_ = RunFolder::create(options_.out, json, config_.loss, features_);

  const auto begin = std::chrono::steady_clock::now();
  const uint64_t first = trainer_->state().step, total = config_.schedule.total;
  const auto images = static_cast<int64_t>(train_images_.size());
  if (!brief)
    fmt::print("{}: {} weights; {} training images, {} held out; {} steps of batch {}\n",
               folder_->path().string(), trainer_->parameters().weights(), images,
               validation_images_.size(), total - first, config_.batch);

  ProgressLine line;
  const auto log_every =
      std::max<uint64_t>(1, (total + kMetricsRows - 1) / static_cast<uint64_t>(kMetricsRows));
  const auto next_multiple = [](uint64_t step, uint64_t of) { return (step / of + 1) * of; };
  double step_seconds = 0, speed = 0;
  uint64_t step = first, row_began = first;
  auto last_save = std::chrono::steady_clock::now();
  while (step < total && !interrupted()) {
    const auto step_begin = std::chrono::steady_clock::now();
    const uint64_t due = std::min({total, next_multiple(step, log_every),
                                   next_multiple(step, static_cast<uint64_t>(validate_every_))});
    if (options_.profile) {
      trainer_->run_profiled();
      step++;
    } else {
      step +=
          static_cast<uint64_t>(trainer_->run(static_cast<int>(std::min<uint64_t>(due - step, 2))));
    }
    const bool row_due = step == due || interrupted();
    const double mean_loss = row_due ? trainer_->take_mean_loss() : 0;  // waits for the steps
    step_seconds += seconds_since(step_begin);
    const bool validation_due =
        step == total || step % static_cast<uint64_t>(validate_every_) == 0 || interrupted();
    if (row_due) {
      speed = double(config_.batch) * double(step - row_began) / step_seconds;
      const StepState state = trainer_->state();
      MetricsRow row{.step = step,
                     .seconds = earlier_seconds_ + seconds_since(begin),
                     .loss = mean_loss,
                     .learning_rate = state.learning_rate,
                     .gradient_norm = state.gradient_norm,
                     .images_per_second = speed,
                     .validation_psnr = {},
                     .terms = trainer_->mean_terms()};
      if (!std::isfinite(row.loss))
        fail(
            "the loss is not a number any more after step {}; {} keeps the last good checkpoint. "
            "Try a smaller --lr",
            step, folder_->path().string());
      if (validation_due) last_psnr_ = row.validation_psnr = validate();
      folder_->append(row);
      if (validation_due) {
        folder_->write_sample(fmt::format("step_{:07}.png", step), draw_samples());
        if (!line.is_live() && !brief)
          line.print(fmt::format("step {}/{}  loss {:.5f}  {:.1f} images/s  validation {:.2f} dB",
                                 step, total, row.loss, speed, *last_psnr_));
      }
      step_seconds = 0;
      row_began = step;
      if (seconds_since(last_save) > kCheckpointSeconds) {
        save();
        last_save = std::chrono::steady_clock::now();
      }
    }
    const double left = seconds_since(begin) / double(step - first) * double(total - step);
    // The first step is slow, and a speed is known when the first row is written.
    if (speed > 0)
      line.show(fmt::format("{}step {}/{}  loss {:.5f}  {:.1f} images/s{}  {} left", options_.brief,
                            step, total, trainer_->loss(), speed,
                            last_psnr_ ? fmt::format("  validation {:.2f} dB", *last_psnr_) : "",
                            clock_text(left)));
  }
  line.clear();
  save();
  const bool stopped = step < total;
  finish(stopped);
  return stopped ? 130 : 0;
}

void TrainingRun::finish(bool was_interrupted) {
  const uint64_t step = trainer_->state().step;
  Image samples = draw_samples();
  folder_->write_sample("final.png", samples);
  const Evaluation evaluation = evaluate_held_out(kFinalViews);
  ReportInput input{.title = "Run " + folder_->path().filename().string(),
                    .config = config_,
                    .metrics = folder_->metrics(),
                    .samples = std::move(samples),
                    .evaluation = evaluation,
                    .step = step,
                    .weights = trainer_->parameters().weights(),
                    .notes = notes_};
  if (was_interrupted)
    input.notes.push_back(fmt::format(
        "Interrupted after {} of {} steps; train_cuda --resume --out {} goes on from there.", step,
        config_.schedule.total, folder_->path().string()));
  if (const uint64_t skipped = trainer_->state().skipped; skipped > 0)
    input.notes.push_back(
        fmt::format("{} updates were left out because the gradient was not finite.", skipped));
  for (const Dataset* dataset : {&dataset_, &validation_dataset_})
    for (const Dataset::Skipped& skipped : dataset->skipped())
      input.notes.push_back("Left out: " + skipped.reason);
  folder_->write_report(render_report(input));

  const EvaluationRow& all = evaluation.rows.front();
  if (!options_.brief.empty()) {
    fmt::print("{}{}: {} of {} steps, {:.2f} dB\n", options_.brief,
               folder_->path().filename().string(), step, config_.schedule.total,
               all.restored.mean.psnr);
    return;
  }
  fmt::print(
      "{} crops of {} held-out pictures, all corruptions: {:.2f} dB corrupted, {:.2f} dB restored; "
      "gain-aligned {:.2f} to {:.2f} dB\n",
      evaluation.views, validation_images_.size(), all.corrupted.mean.psnr, all.restored.mean.psnr,
      all.corrupted.mean.aligned_psnr, all.restored.mean.aligned_psnr);
  fmt::print("report   {}\nsamples  {}\nnetwork  {}\n", folder_->file("report.html").string(),
             folder_->file("samples/final.png").string(),
             folder_->file("checkpoint.safetensors").string());
  if (was_interrupted)
    fmt::print("interrupted after {} of {} steps; continue with: train_cuda --resume --out {}\n",
               step, config_.schedule.total, folder_->path().string());
  if (options_.profile) print_profile();
}

// One row an op and phase, the most time first.
void TrainingRun::print_profile() const {
  struct Row {
    double seconds = 0, bytes = 0, flops = 0;
    int calls = 0;
  };
  const Executor& executor = trainer_->executor();
  const Ceilings& best = ceilings(options_.device);
  std::map<std::pair<std::string, std::string>, Row> rows;
  double total = 0;
  const std::vector<Step>& steps = executor.plan().steps();
  for (size_t i = 0; i < steps.size(); i++) {
    Row& row = rows[{name_of(steps[i].phase), steps[i].op}];
    row.seconds += executor.seconds()[i] / executor.profiled_runs();
    row.bytes += double(executor.plan().bytes(steps[i]));
    row.flops += double(steps[i].flops);
    row.calls++;
    total += executor.seconds()[i] / executor.profiled_runs();
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Row>> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  fmt::print(
      "\n{} steps; this machine's ceilings: copy {:.1f} GB/s, {} matrix product {:.0f} "
      "GFLOP/s\n{:<9} {:<25} {:>5} {:>9} {:>6} {:>9} {:>9} {:>8} {:>9}\n",
      executor.profiled_runs(), best.bytes_per_second / 1e9, name_of(config_.network.dtype),
      best.flops_per_second(config_.network.dtype) / 1e9, "phase", "op", "calls", "ms/step", "time",
      "GB", "GFLOP", "GFLOP/s", "roofline");
  for (const auto& [name, row] : sorted)
    fmt::print(
        "{:<9} {:<25} {:>5} {:>9.2f} {:>5.1f}% {:>9.3f} {:>9.2f} {:>8.0f} {:>8.0f}%\n", name.first,
        name.second, row.calls, row.seconds * 1e3, 100 * row.seconds / total, row.bytes / 1e9,
        row.flops / 1e9, row.flops / row.seconds / 1e9,
        100 * roofline_seconds(best, row.bytes, row.flops, config_.network.dtype) / row.seconds);
  fmt::print("{:<9} {:<25} {:>5} {:>9.2f}\n", "all", "", steps.size(), total * 1e3);
}

}  // namespace

int train(const TrainingOptions& options) {
  // Before any work: an --out that is taken is a mistake to hear of at once.
  if (!options.resume && !options.out.empty() && !RunFolder::is_free(options.out))
    fail_usage("--out {}: exists already; give another folder, or --resume to continue that run",
               options.out.string());
  TrainingRun run(options);
  try {
    return run.run();
  } catch (const DeviceLost& lost) {
    fail("{}; {}", lost.what(), run.what_is_kept());
  }
}

}  // namespace dae
