// A network in training: its weights, its optimiser and the plan of one whole step. How steps
// follow each other is the device's: cpu_trainer.h, step_pipeline.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "corrupt/corrupt.h"
#include "model/feature_network.h"
#include "model/optimizer.h"
#include "model/sharded.h"
#include "record/checkpoint.h"
#include "record/metrics.h"
#include "train/memory_need.h"

namespace dae {

struct TrainerConfig {
  Device device = Device::cpu;
  NetworkConfig network;
  CorruptSpec corruption;
  LossSpec loss;
  FeatureNetwork features = {};  // that a perceptual loss compares with; else empty
  AdamConfig adam;
  Schedule schedule;
  int64_t batch = 16;  // of all shards together
  uint64_t seed = 1;
  Sharding sharding = {};
  // On a GPU: photographs stay there when they take no more than this share of what is free beside
  // everything else, and are streamed otherwise.
  double resident_share = 0.5;
  // Called once for each source, before it is first drawn from, by the thread that draws; what it throws ends the
  // step that would have used it.
  std::function<void(int64_t source)> check_source = {};
};

// On several ranks each has one, of the same configuration and pictures. That of rank 0 is used as if it were
// alone and tells the others, which follow(); those end when it is gone.
class Trainer {
 public:
  virtual ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Trains on: draws batches, corrupts them, runs the network forward and backward, updates the
  // weights. On the CPU one step a call; on a GPU, where `at_most` allows it, two that are only
  // enqueued (step_pipeline.h). Returns how many. Allocates nothing of its own. Batches depend on
  // the seed and the step number alone.
  int run(int at_most);
  void run_profiled();  // one step, timing every op: see executor()

  // What ranks share beside steps.
  struct Shared {
    enum class Work : uint32_t { validation, evaluation, name_of_folder } work;
    int64_t views = 0;  // of an evaluation
  };
  // Tells the other ranks to do this as well: each hands it to what it gave follow().
  void announce(const Shared& shared);

  // On any rank but 0: does what rank 0 does, until its trainer is gone.
  void follow(const std::function<void(const Shared&)>& take_part = {});

  // After a loss that was not finite: takes the last step again, op by op, and says in words where a
  // number first is not finite; empty where none is. An update was left out then, so the weights are
  // those that it had. The trainer is of no use afterwards until it is restored. Of several ranks each
  // looks at its own shards, and those that found something are named.
  std::string where_not_finite();

  // Back to the first values of the seed and step 0, with this schedule.
  void reset(const Schedule& schedule);
  // For the steps to come; the step number stays.
  void set_schedule(const Schedule& schedule);

  // The mean loss of the steps run since the last call, each of its batch before its update; waits
  // for them. NaN when there were none.
  double take_mean_loss();
  // Means over the same steps as the last take_mean_loss(); none for plain MSE.
  const std::vector<TermMean>& mean_terms() const { return mean_terms_; }
  float loss() const { return loss_; }  // of the latest step that is known to be over

  // These wait for the steps, too.
  StepState state();
  Checkpoint checkpoint();
  void restore(const Checkpoint& checkpoint);

  ParameterSet& parameters() { return parameters_; }
  const ParameterSet& parameters() const { return parameters_; }
  const float* ema() const;  // on the device; what evaluation uses, after the steps are over
  std::byte* arena() const { return arena_.data(); }
  size_t arena_bytes() const { return arena_.bytes(); }
  const Executor& executor() const { return step().program.executor(); }  // of one step
  const MemoryNeed& memory() const { return need_; }
  // How long steps have waited for pictures to be read, of those whose loss was taken. On a GPU by its own clock: what
  // lies between the end of steps and the beginning of the next, while the host was not asked for anything else.
  virtual double seconds_waited() const = 0;

 protected:
  // One step as a program, and what in it is read and written between steps.
  struct StepProgram {
    Program program;
    OptimizerTensors kept;
    TensorId record;  // of losses
  };

  // One that is derived makes its plans when it is constructed, and allocates nothing.
  Trainer(const TrainerConfig& config, std::vector<Source> sources);

  // What the plans take, without validation; with all photographs on a GPU, or streamed.
  virtual MemoryNeed need_of_plans(bool resident) const = 0;
  // Gives the plans their memory, which memory() and arena() say.
  virtual void attach() = 0;
  virtual const StepProgram& step() const = 0;
  // Does or enqueues the steps number + 1, ..., at least one; returns how many.
  virtual int take_steps(uint64_t number, int at_most) = 0;
  virtual void take_profiled_step(uint64_t number) = 0;
  // Its first `at_most` ops.
  virtual std::optional<Executor::NotFinite> take_checked_step(uint64_t number, size_t at_most) = 0;
  // Waits for every step enqueued; their losses have been noted then.
  virtual void finish() = 0;

  int64_t own_batch() const { return config_.batch / config_.sharding.size(); }  // of this rank
  // What an external tensor of losses holds of a step: a record of every shard.
  int64_t records_size() const { return config_.sharding.shards * objective_.record_size(); }
  // Of this rank's part of the batch, as if all sources could be seen.
  void draw_batch(uint64_t number, Draw* draws);
  void note_loss(std::span<const float> records);  // a step's, in order

  const TrainerConfig config_;
  const std::vector<Source> sources_;
  std::vector<bool> checked_;  // sources, where there is something to check
  const Objective objective_;
  ParameterSet parameters_;

 private:
  friend std::unique_ptr<Trainer> make_trainer(const TrainerConfig&, std::vector<Source>,
                                               const ValidationNeed&);
  // What rank 0 tells the others before it does it itself.
  enum class Order : uint32_t {
    run,
    run_profiled,
    find_not_finite,
    restore,
    set_schedule,
    share,
    end
  };
  struct Told {
    Order order;
    int32_t at_most = 0;   // of run
    StepState state = {};  // of restore and set_schedule
    Shared shared = {};    // of share
  };

  MemoryNeed need(bool resident, const ValidationNeed& validation) const;
  void start(const MemoryNeed& need);
  void tell(const Told& told);
  int take(int at_most);
  void take_profiled();
  void put_all(const Checkpoint& checkpoint);
  void share(Checkpoint& checkpoint);
  void put_schedule(const Schedule& schedule);
  std::string own_not_finite();
  std::string all_not_finite();
  void put(TensorId id, const std::vector<float>& values) const;

  bool started_ = false;
  MemoryNeed need_;
  Buffer arena_;
  uint64_t number_ = 0;  // of steps done: the state's, known to the host without asking the device
  float loss_ = 0;
  std::vector<double> record_sums_;  // of what steps left of their losses, and how many they were
  int64_t loss_count_ = 0;
  std::vector<TermMean> mean_terms_;
};

// `sources` are the training images; their pixels lie in host memory and outlive the trainer.
// Throws OutOfMemory, naming the largest batch that fits, before anything is allocated when not
// everything does; FieldError when the shards make no equal parts of the batch, or the ranks none of the
// shards.
std::unique_ptr<Trainer> make_trainer(const TrainerConfig& config, std::vector<Source> sources,
                                      const ValidationNeed& validation = {});

}  // namespace dae
