// A study as a program shows it: the progress of the run that is trained, a line for each that has ended.
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "exchange/tensorboard.h"
#include "laboratory/study.h"
#include "tools/training_console.h"

namespace dae {

class StudyConsole : public StudyObserver {
 public:
  // `own` stands before every line; `runs` is how many there are in all. Ctrl-C asks for the end by `stop`.
  StudyConsole(std::stop_source& stop, const std::string& own, size_t runs, bool tensorboard)
      : stop_(stop), own_(own), runs_(runs), tensorboard_(tensorboard), console_(stop) {}

  void begins(const StudyRun& run, size_t number) override;
  void ended(const TrainingOutcome& outcome) override;
  void failed(const std::string& why) override;
  void preparing(const std::string& what, size_t done, size_t total) override;
  void noted(const std::string& line) override { next().noted(line); }
  void warned(const std::string& text) override;
  void started(const TrainingStart& start) override { next().started(start); }
  void progressed(const TrainingProgress& progress) override { next().progressed(progress); }
  void measured(const MetricsRow& row) override { next().measured(row); }
  void sampled(const std::filesystem::path& picture) override { next().sampled(picture); }
  void saved(uint64_t step, const std::filesystem::path& checkpoint) override {
    next().saved(step, checkpoint);
  }
  void clear() { console_.clear(); }

 private:
  TrainingObserver& next() { return board_ ? static_cast<TrainingObserver&>(*board_) : console_; }
  void stop_if_interrupted();

  std::stop_source& stop_;
  std::string own_, prefix_;  // the latter also with the run's number and name
  size_t runs_;
  bool tensorboard_;
  TrainingConsole console_;
  std::optional<TensorBoard> board_;  // of the run that is trained
  std::set<std::string> warned_;
};

}  // namespace dae
