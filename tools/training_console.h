// A training run as a program shows it: a progress line, lines that stay, and Ctrl-C.
#pragma once

#include <dae/training.h>

#include <stop_token>
#include <string>

#include "tools/progress.h"

namespace dae {

class TrainingConsole : public TrainingObserver {
 public:
  // Ctrl-C asks for the training's end by `stop`.
  explicit TrainingConsole(std::stop_source& stop) : stop_(stop) {}
  // Of a run among many, "3/72 " before its progress: it says nothing that stays.
  void make_brief(const std::string& prefix) { brief_ = prefix; }

  void preparing(const std::string& what, size_t done, size_t total) override;
  void noted(const std::string& line) override;
  void warned(const std::string& text) override;
  void started(const TrainingStart& start) override;
  void progressed(const TrainingProgress& progress) override;
  void measured(const MetricsRow& row) override;

  void clear() { line_.clear(); }

 private:
  std::stop_source& stop_;
  std::string brief_;
  ProgressLine line_;
  uint64_t last_step_ = 0;
};

// What there is to say at a run's end.
void print_outcome(const TrainingOutcome& outcome);

}  // namespace dae
