#include "train/run_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

constexpr uint64_t kRows = 400;
// A loss so many times the first one has exploded: spikes that training survives are of a hundred times
// what is usual (docs/recipe.md).
constexpr float kExploded = 1e4f;
constexpr uint64_t kHopeless = 20;  // updates left out one after the other

uint64_t next_multiple(uint64_t step, uint64_t of) {
  return (step / of + 1) * of;
}

}  // namespace

std::string what_is_kept(const RunFolder& folder, std::optional<uint64_t> saved) {
  const std::string path = folder.path().string();
  return saved ? fmt::format("{} keeps the checkpoint of step {}, which it can be resumed from",
                             path, *saved)
               : fmt::format("{} has no checkpoint yet", path);
}

RunLog::RunLog(Trainer& trainer, Validation& validation, RunFolder& folder,
               TrainingObserver& observer, const Options& options)
    : trainer_(trainer),
      validation_(validation),
      folder_(folder),
      observer_(observer),
      options_(options),
      row_every_(std::max<uint64_t>(1, ceil_div(options.last_step, kRows))),
      row_(options.reached.row),
      skipped_(options.reached.skipped),
      saved_(options.reached.saved) {}

uint64_t RunLog::next_row(uint64_t step) const {
  return std::min({options_.last_step, next_multiple(step, row_every_),
                   next_multiple(step, options_.validate_every)});
}

void RunLog::stepped(uint64_t step, double seconds) {
  row_seconds_ += seconds;
  const float loss = trainer_.loss();
  end_if_diverged(step);
  const auto done = static_cast<double>(step - options_.reached.step);
  const auto left = static_cast<double>(options_.last_step - step);
  observer_.progressed({.step = step,
                        .last_step = options_.last_step,
                        .loss = loss,
                        .images_per_second = speed_,
                        .validation_psnr = psnr_,
                        .seconds_left = watch_.seconds() / done * left});
}

void RunLog::save_if_due() {
  if (since_save_.seconds() > options_.save_every) save();
}

void RunLog::end_row(uint64_t step, bool stopping) {
  const Elapsed waiting;
  const double mean_loss = trainer_.take_mean_loss();
  row_seconds_ += waiting.seconds();
  // Of those of this session alone, which row_seconds_ is of.
  const uint64_t steps = step - std::max(row_, options_.reached.step);
  speed_ = static_cast<double>(options_.batch) * static_cast<double>(steps) / row_seconds_;
  const StepState state = trainer_.state();
  MetricsRow row{.step = step,
                 .seconds = options_.reached.seconds + watch_.seconds(),
                 .loss = mean_loss,
                 .learning_rate = state.learning_rate,
                 .gradient_norm = state.gradient_norm,
                 .images_per_second = speed_,
                 .validation_psnr = {},
                 .terms = trainer_.mean_terms()};
  end_if_diverged(step);
  end_if_hopeless(step, steps, state.skipped);
  row_ = step;
  row_seconds_ = 0;
  const bool validate =
      step == options_.last_step || step % options_.validate_every == 0 || stopping;
  if (validate) {
    trainer_.announce({Trainer::Shared::Work::validation});
    psnr_ = row.validation_psnr = validation_.psnr();
  }
  folder_.append(row);
  observer_.measured(row);
  if (!validate) return;
  const std::string name = fmt::format("step_{:07}.png", step);
  folder_.write_sample(name, validation_.samples());
  observer_.sampled(folder_.path() / "samples" / name);
}

// On a GPU the first loss is known some steps later.
void RunLog::end_if_diverged(uint64_t step) {
  const float loss = trainer_.loss();
  if (first_loss_ == 0 && std::isfinite(loss)) first_loss_ = loss;
  if (loss <= kExploded * first_loss_) return;
  const std::string where = std::isfinite(loss) ? "" : trainer_.where_not_finite();
  fail(
      "the training has come apart by step {}: its loss is {:g}, after {:g} at first{}; {}. Try a "
      "smaller learning rate",
      step, loss, first_loss_, where.empty() ? "" : fmt::format(" ({})", where),
      what_is_kept(folder_, saved_));
}

void RunLog::end_if_hopeless(uint64_t step, uint64_t steps, uint64_t skipped) {
  in_a_row_ = skipped - skipped_ == steps ? in_a_row_ + steps : 0;
  skipped_ = skipped;
  if (in_a_row_ < kHopeless) return;
  fail(
      "the last {} updates up to step {} could not be made, since their gradients were not finite; "
      "{}. "
      "Try a smaller learning rate",
      in_a_row_, step, what_is_kept(folder_, saved_));
}

void RunLog::save() {
  const Checkpoint checkpoint = trainer_.checkpoint();
  folder_.save_checkpoint(trainer_.parameters(), checkpoint);
  saved_ = checkpoint.state.step;
  since_save_ = {};
  observer_.saved(checkpoint.state.step, folder_.file("checkpoint.safetensors"));
}

}  // namespace dae
