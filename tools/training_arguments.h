// The options of a training, as train_cuda and study take them: what a run is, not where it lies or what
// it is computed by.
#pragma once

#include <dae/training.h>

#include <CLI/CLI.hpp>
#include <string>

#include "tools/program.h"

namespace dae {

struct TrainingArguments {
  // As they are given; what has to be translated first are the texts below.
  TrainingOptions given;
  CorruptionOptions corruption;
  std::string from, skips, global, residual, noise_input, features;

  // `of_the_seed` is the help of --seed.
  void add_to(CLI::App& app, const std::string& of_the_seed);
  // What they say together, once `app` has parsed them. Throws Error naming the option that makes no
  // sense.
  TrainingOptions apply(const CLI::App& app) const;
};

}  // namespace dae
