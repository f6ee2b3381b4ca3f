// A network in training: its weights, its optimiser and the plan of one whole step.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "corrupt/corrupt.h"
#include "kernels/adam.h"
#include "model/feature_network.h"
#include "record/checkpoint.h"
#include "record/metrics.h"
#include "runtime/named_buffers.h"
#include "train/memory_need.h"
#include "train/step_pipeline.h"

namespace dae {

struct TrainerConfig {
  Device device = Device::cpu;
  NetworkConfig network;
  CorruptSpec corruption;
  LossSpec loss;
  FeatureNetwork features = {};  // that a perceptual loss compares with; else empty
  AdamConfig adam;
  Schedule schedule;
  int64_t batch = 16;
  uint64_t seed = 1;
  // On a GPU: photographs stay there when they take no more than this share of what is free beside
  // everything else, and are streamed otherwise.
  double resident_share = 0.5;
};

// Another plan that runs between steps: it shares the arena and has memory of its own.
struct Guest {
  size_t arena_bytes = 0, own_bytes = 0;
};

class Trainer {
 public:
  // `sources` are the training images; their pixels lie in host memory and outlive the trainer.
  // Throws OutOfMemory, naming the largest batch that fits, before anything is allocated when not
  // everything does.
  Trainer(const TrainerConfig& config, std::vector<Source> sources, const Guest& guest = {});

  // Trains on: draws batches, corrupts them, runs the network forward and backward, updates the
  // weights. On the CPU one step a call; on a GPU, where `at_most` allows it, two that are only
  // enqueued (step_pipeline.h). Returns how many. Allocates nothing of its own. Batches depend on
  // the seed and the step number alone.
  int run(int at_most);
  void run_profiled();  // one step, timing every op: see executor()

  // Back to the first values of the seed and step 0, with this schedule.
  void reset(const Schedule& schedule);

  // For the steps to come, without changing how many there were.
  void set_schedule(const Schedule& schedule);

  StepState state() const;

  // The mean loss of the steps run since the last call, each of its batch before its update; waits
  // for them. NaN when there were none.
  double take_mean_loss();
  // Means over the same steps as the last take_mean_loss(); none for plain MSE.
  const std::vector<TermMean>& mean_terms() const { return mean_terms_; }
  float loss() const { return loss_; }  // of the latest step that is known to be over

  Checkpoint checkpoint() const;
  void restore(const Checkpoint& checkpoint);

  // What a checkpoint holds besides the state, each as long as parameters().count().
  enum class Values { weights, ema, moment1, moment2 };
  std::vector<float> read(Values values) const;
  void write(Values values, const std::vector<float>& data);
  void write_state(const StepState& state);

  ParameterSet& parameters() { return parameters_; }
  const ParameterSet& parameters() const { return parameters_; }
  const float* ema() const;  // on the device; what evaluation uses, after the steps are over
  std::byte* arena() const { return arena_.data(); }
  size_t arena_bytes() const { return arena_.bytes(); }
  const Executor& executor() const;  // of one step
  const MemoryNeed& memory() const { return need_; }
  // On a GPU, for whoever times it; none on the CPU.
  const StepPipeline* pipeline() const { return pipeline_.get(); }

 private:
  const Buffer& buffer(Values values) const;
  void draw_batch(uint64_t step, Draw* draws) const;
  void note_loss(std::span<const float> record);

  TrainerConfig config_;
  std::vector<Source> sources_;
  ParameterSet parameters_;
  NamedBuffers buffers_;
  MemoryNeed need_;
  Buffer arena_;
  uint64_t step_ = 0;  // the state's, known to the host without asking the device
  float loss_ = 0;
  std::vector<double> record_sums_;  // of what steps left of their losses, and how many they were
  int64_t loss_count_ = 0;
  std::vector<TermMean> mean_terms_;

  std::unique_ptr<Executor> executor_;      // cpu
  std::unique_ptr<StepPipeline> pipeline_;  // cuda
};

}  // namespace dae
