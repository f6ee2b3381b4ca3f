#include "tools/study_console.h"

#include <fmt/format.h>

#include "tools/program.h"
#include "tools/say.h"

namespace dae {

// Between steps the console sees it; pictures may take longer to read.
void StudyConsole::stop_if_interrupted() {
  if (interrupted()) stop_.request_stop();
}

void StudyConsole::begins(const StudyRun& run, size_t number) {
  prefix_ = fmt::format("{}{}/{} {}: ", own_, number, runs_, run.name());
  console_.make_brief(prefix_);
  if (tensorboard_) board_.emplace(console_);
  stop_if_interrupted();
}

void StudyConsole::ended(const TrainingOutcome& outcome) {
  const EvaluationRow& all = outcome.evaluation.rows.front();
  console_.clear();
  say("{}{} steps, {:.2f} dB restored, {:.2f} dB corrupted\n", prefix_, outcome.step,
      all.restored.mean.psnr, all.corrupted.mean.psnr);
  stop_if_interrupted();
}

void StudyConsole::failed(const std::string& why) {
  console_.clear();
  say(stderr, "{}failed: {}\n", prefix_, why);
  stop_if_interrupted();
}

void StudyConsole::preparing(const std::string& what, size_t done, size_t total) {
  next().preparing(what, done, total);
  stop_if_interrupted();
}

// Every run has the same to say of pictures that cannot be read.
void StudyConsole::warned(const std::string& text) {
  if (warned_.insert(text).second) next().warned(text);
}

}  // namespace dae
