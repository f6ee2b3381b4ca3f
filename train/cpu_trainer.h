// Training steps on the CPU: a step a call, one plan from the draws to the update. Photographs are
// read where they lie, on a disk perhaps: while a step is computed, a thread draws the next and touches its views.
#pragma once

#include <vector>

#include "model/input.h"
#include "train/read_ahead.h"
#include "train/trainer.h"

namespace dae {

class CpuTrainer final : public Trainer {
 public:
  CpuTrainer(const TrainerConfig& config, std::vector<Source> sources);

 private:
  MemoryNeed need_of_plans(bool resident) const override;
  void attach() override;
  const StepProgram& step() const override { return step_; }
  int take_steps(uint64_t number, int at_most) override;
  void take_profiled_step(uint64_t number) override;
  std::optional<Executor::NotFinite> take_checked_step(uint64_t number, size_t at_most) override;
  void finish() override {}
  double seconds_waited() const override { return ahead_ ? ahead_->seconds_waited() : 0; }

  StepProgram plan();
  void read(uint64_t number);  // by the thread
  void draw(uint64_t number);
  void note();

  InputTensors input_;
  StepProgram step_;
  std::vector<Draw> next_;          // what the thread has drawn
  std::optional<ReadAhead> ahead_;  // the last: its thread uses the others
};

}  // namespace dae
