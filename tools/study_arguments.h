// What the command line of study says: a training, what of it varies, and how many seeds.
#pragma once

#include <vector>

#include "laboratory/study.h"
#include "tools/training_arguments.h"

namespace dae {

class StudyArguments {
 public:
  void add_to(CLI::App& app);
  // All runs, each parsed as train_cuda parses its own, once `app` has parsed what they have in common.
  // Throws UsageError naming what makes no sense.
  std::vector<StudyRun> runs(const CLI::App& app, Device device) const;

 private:
  std::vector<Varied> varied() const;

  TrainingArguments common_;
  std::vector<std::string> vary_;
  int seeds_ = 3;
};

}  // namespace dae
