// A training run from its options to its outcome: what <dae/training.h> and the laboratory train
// by.
#pragma once

#include <dae/training.h>

#include <filesystem>

#include "model/feature_network.h"
#include "record/run_config.h"
#include "runtime/gpu_ranks.h"

namespace dae {

struct SessionOptions {
  RunConfig config;  // of a new run; a resumed one has its own, but for where its pictures lie now
  Device device = Device::cpu;
  TrainingBudget budget;
  std::filesystem::path out;  // empty: a fresh folder under runs/
  bool resume = false;
  double save_every = 60;  // seconds
  bool profile = false;
  int64_t validations = 20;  // at most; of a run that nobody watches a few do
  // What a perceptual loss of a new run compares with; empty: a network that is trained first.
  FeatureNetwork features = {};
  // That a new run starts from, laid out as its network's parameters; empty: random ones.
  std::vector<float> first_weights = {};
  Communicator* ranks = nullptr;  // that share the steps; null: none
  GpuRanks* gpus = nullptr;       // theirs, where `device` is one
};

// As train() and resume_training(). On any rank but 0 it does what rank 0 does, and has no outcome.
TrainingOutcome run_session(const SessionOptions& options, TrainingObserver& observer,
                            const std::stop_token& stop);

}  // namespace dae
