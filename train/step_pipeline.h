// Training steps on a GPU, without the host in between: the corruption of the next batch runs
// beside the network on this one.
//
// Three streams. On `compute` the network, its loss and its update; on `input` the corruption; on
// `copy` what goes to and from the host: the draws of coming batches, the losses of past ones. Two
// steps make one plan, since there are two sets of batch memory: while the network reads one, the
// corruption fills the other. After one uncaptured run the pair is captured into a CUDA graph and
// replayed with one call. What changes from step to step lies in device memory: the step number and
// learning rate in the state that a kernel advances, the draws where the copy stream puts them. The
// host writes them into pinned memory that it reuses only after the event of its last copy.
//
// Photographs that do not all fit are streamed (pictures.h): with the draws of a batch come its
// views, on a fourth stream, `upload`. The draws say in which slots they lie, so the graph need not
// know that there are two sets of slots: the views of the next pair arrive while this pair runs,
// and only the draws, a few hundred bytes a view, wait for it to be over.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>

#include "corrupt/corrupt.h"
#include "corrupt/pictures.h"
#include "kernels/adam.h"
#include "model/loss_spec.h"
#include "model/network.h"
#include "runtime/named_buffers.h"
#include "runtime/stream.h"
#include "train/memory_need.h"

namespace dae {

class StepPipeline {
 public:
  struct Config {
    NetworkConfig network;
    CorruptFlags corruption;
    LossSpec loss;
    std::vector<int64_t> feature_widths;  // of a perceptual loss
    AdamConfig adam;
    int64_t batch = 16;
    std::vector<Source> sources;  // with pixels in host memory, which outlive the pipeline
  };
  // Makes the draws of a step's batch, as if all sources could be seen.
  using DrawBatch = std::function<void(uint64_t step, Draw* draws)>;
  // Is told what every step left of its loss, loss_record_size() floats, in order, once it is
  // known.
  using NoteLoss = std::function<void(std::span<const float> record)>;

  // Lays out the plans and allocates no memory.
  StepPipeline(const Config& config, ParameterSet& parameters, DrawBatch draw_batch,
               NoteLoss note_loss);

  // With the photographs resident or streamed.
  MemoryNeed memory_need(bool resident) const;

  // Before the first step: `arena` holds memory_need().arena bytes; everything else is allocated
  // here, and resident photographs are copied to the GPU.
  void attach(std::byte* arena, size_t bytes, NamedBuffers& buffers, bool resident);

  // Enqueues the steps step + 1, ... and returns how many: two where `at_most` allows it. Waits for
  // the GPU only when it is two calls behind.
  int enqueue(uint64_t step, int at_most);

  // One step, run op by op with its time in single().seconds(); waits for the GPU.
  void run_profiled(uint64_t step);

  // The next step's batch is not the one that was prepared: the step number was set.
  void restart() { prepared_ = false; }

  // Waits for every step enqueued; their losses have been noted then.
  void finish();

  const Executor& single() const { return *single_; }

  // For timing the GPU alone: a replay trains two steps, on the draws of the pair before, that the
  // host does not count. There is a graph once two pairs were enqueued.
  const cuda::Graph& graph() const { return graph_; }
  const cuda::Stream& compute() const { return streams_[0]; }

 private:
  struct Pass {
    TensorId clean, corrupted, loss;
  };
  struct Pending {  // one of two sets of pinned memory
    PinnedBuffer draws, views, losses;
    cuda::Event copied;    // from draws and views
    cuda::Event consumed;  // the corruption has read the slots
    cuda::Event arrived;   // in losses
    int steps = 0;         // whose losses are on their way
  };
  Plan plan_preparation() const;
  Plan plan_steps(ParameterSet& parameters, bool pair) const;
  void prepare(uint64_t step);
  void upload(int turn, int batches, const uint64_t* steps);
  int64_t slots() const { return 2 * 2 * config_.batch; }  // of two pairs
  int64_t first_slot(int turn, int set) const { return (2 * turn + set) * config_.batch; }
  size_t view_bytes() const;
  void collect(Pending& pending);

  Config config_;
  int64_t record_size_;  // floats that a step leaves of its loss
  DrawBatch draw_batch_;
  NoteLoss note_loss_;
  Plan preparation_plan_, single_plan_, pair_plan_;
  Layout preparation_layout_, single_layout_, pair_layout_;
  std::unique_ptr<Executor> preparation_, single_, pair_;
  std::vector<cuda::Stream> streams_;  // compute, input, copy
  cuda::Stream upload_;
  cuda::Event done_, uploaded_;
  bool resident_ = true;
  ResidentPictures pictures_;  // resident
  Buffer slots_;               // streamed
  std::array<Pending, 2> pending_;
  std::array<const Buffer*, 2> device_draws_{};
  const Buffer* device_losses_ = nullptr;
  cuda::Graph graph_;
  int turn_ = 0, pairs_run_ = 0;
  bool prepared_ = false;
};

}  // namespace dae
