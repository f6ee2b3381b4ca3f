// A network in training: its weights, its optimiser and the plan of one whole step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "corrupt/corrupt.h"
#include "kernels/adam.h"
#include "model/network.h"
#include "runtime/executor.h"

namespace dae {

struct TrainerConfig {
  Device device = Device::cpu;
  NetworkConfig network;
  CorruptSpec corruption;
  AdamConfig adam;
  Schedule schedule;
  int64_t batch = 16;
  uint64_t seed = 1;
};

class Trainer {
 public:
  // `sources` are the training images; their pixels lie on the device and outlive the trainer.
  // `arena_bytes` may ask for more memory than a step needs, for another plan to use between steps.
  Trainer(const TrainerConfig& config, std::vector<Source> sources, size_t arena_bytes = 0);

  // One step: draws a batch, corrupts it, runs the network forward and backward, updates the
  // weights. Allocates nothing. Batches depend on the seed and the step number alone.
  void step();
  void step_profiled();  // the same, timing every op: see executor()

  // Back to the first values of the seed and step 0, with this schedule.
  void reset(const Schedule& schedule);

  StepState state() const;
  float loss() const;  // of the last step's batch, before its update

  // What a checkpoint holds besides the state, each as long as parameters().count().
  enum class Values { weights, ema, moment1, moment2 };
  std::vector<float> read(Values values) const;
  void write(Values values, const std::vector<float>& data);
  void write_state(const StepState& state);

  ParameterSet& parameters() { return parameters_; }
  const ParameterSet& parameters() const { return parameters_; }
  const float* ema() const;  // on the device; what evaluation uses
  std::byte* arena() const { return arena_.data(); }
  size_t arena_bytes() const { return arena_.bytes(); }
  const Executor& executor() const { return *executor_; }
  std::string memory_report() const;

 private:
  const Buffer& buffer(Values values) const;
  void draw_batch();

  TrainerConfig config_;
  std::vector<Source> sources_;
  ParameterSet parameters_;
  Layout layout_;
  Buffer arena_, weights_, gradients_, moment1_, moment2_, ema_, state_, loss_, source_table_,
      draw_memory_;
  std::vector<Draw> draws_;
  uint64_t step_ = 0;  // the state's, known to the host without asking the device
  std::unique_ptr<Executor> executor_;
};

}  // namespace dae
