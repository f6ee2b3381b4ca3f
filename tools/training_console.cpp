#include "tools/training_console.h"

#include <fmt/format.h>

#include <cstdio>

#include "tools/program.h"
#include "tools/say.h"

namespace dae {

void TrainingConsole::preparing(const std::string& what, size_t done, size_t total) {
  line_.show(fmt::format("{}{}: {} of {}", brief_, what, done, total));
}

void TrainingConsole::noted(const std::string& line) {
  if (brief_.empty()) line_.print(line);
}

void TrainingConsole::warned(const std::string& text) {
  line_.clear();
  say(stderr, "{}", text);
}

void TrainingConsole::started(const TrainingStart& start) {
  catch_interrupts();  // from here on there is something to save
  last_step_ = start.last_step;
  if (!brief_.empty()) return;
  line_.print(start.memory);
  line_.print(fmt::format(
      "{}: {} weights; {} training images, {} held out; {} steps of batch {}{}", start.run.string(),
      start.weights, start.training_pictures, start.held_out_pictures, start.last_step - start.step,
      start.batch,
      start.shards > 1
          ? fmt::format(" in {} shards on {}", start.shards,
                        start.ranks > 1 ? fmt::format("{} ranks", start.ranks) : "one rank")
          : ""));
}

void TrainingConsole::progressed(const TrainingProgress& p) {
  if (interrupted()) {
    stop_.request_stop();
    line_.clear();
    return;
  }
  // The first step is slow, and a speed is known when the first row is written.
  if (p.images_per_second > 0)
    line_.show(fmt::format(
        "{}step {}/{}  loss {:.5f}  {:.1f} images/s{}  {} left", brief_, p.step, p.last_step,
        p.loss, p.images_per_second,
        p.validation_psnr ? fmt::format("  validation {:.2f} dB", *p.validation_psnr) : "",
        clock_text(p.seconds_left)));
}

void TrainingConsole::measured(const MetricsRow& row) {
  if (!row.validation_psnr || line_.is_live() || !brief_.empty()) return;
  line_.print(fmt::format("step {}/{}  loss {:.5f}  {:.1f} images/s  validation {:.2f} dB",
                          row.step, last_step_, row.loss, row.images_per_second,
                          *row.validation_psnr));
}

void print_outcome(const TrainingOutcome& outcome) {
  const EvaluationRow& all = outcome.evaluation.rows.front();
  say("{} crops of {} held-out pictures, all corruptions: {:.2f} dB corrupted, {:.2f} dB restored; "
      "gain-aligned {:.2f} to {:.2f} dB\n",
      outcome.evaluation.views, outcome.held_out_pictures, all.corrupted.mean.psnr,
      all.restored.mean.psnr, all.corrupted.mean.aligned_psnr, all.restored.mean.aligned_psnr);
  say("report   {}\nsamples  {}\nnetwork  {}\n", (outcome.run / "report.html").string(),
      (outcome.run / "samples/final.png").string(),
      (outcome.run / "checkpoint.safetensors").string());
  if (outcome.step < outcome.last_step)
    say("interrupted after {} of {} steps; continue with: train_cuda --resume --out {}\n",
        outcome.step, outcome.last_step, outcome.run.string());
  say("{}", outcome.profile);
}

}  // namespace dae
