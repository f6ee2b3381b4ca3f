// The training run: data in, run folder out. train_cuda.cpp turns a command line into its options.
#pragma once

#include <filesystem>
#include <string>

#include "model/feature_network.h"
#include "record/run_config.h"

namespace dae {

inline constexpr double kHeldOut = 0.1;  // of the pictures, where no others are given to validate
inline constexpr int64_t kMostSteps = int64_t{1} << 27;

struct TrainingOptions {
  RunConfig config;  // of a new run; a resumed one has its own
  Device device = Device::cpu;
  // One of the three is positive; all zero on resume keeps the run's own budget.
  double seconds = 0;
  int64_t steps = 0;
  double epochs = 0;
  std::filesystem::path out;  // empty: a fresh folder under runs/
  bool resume = false;
  bool profile = false;
  // Of a run among many: its progress after these words, one line at its end, which begins so, and
  // few validations, whose curve nobody looks at.
  std::string brief = {};
  // What a perceptual loss of a new run compares with; empty: a network that is trained first.
  FeatureNetwork features = {};
};

// Trains, and leaves the run folder complete. Returns the program's exit code: 0, or 130 when it
// was interrupted, with everything saved.
int train(const TrainingOptions& options);

}  // namespace dae
