// Training steps on the CPU: a step a call, one plan from the draws to the update. Photographs are
// read where they lie.
#pragma once

#include "model/input.h"
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

  StepProgram plan();
  void draw(uint64_t number);
  void note();

  InputTensors input_;
  StepProgram step_;
};

}  // namespace dae
