// Training steps on a GPU, without the host in between: the corruption of the next batch runs
// beside the network on this one.
//
// Four streams. On `compute` the network, its loss and its update; on `weights` the gradients of weights
// and biases, beside those of feature maps; on `input` the corruption and the network's global path; on
// `copy` what goes to and from the host: the draws of coming batches, the losses of past ones. Two
// steps make one plan, since there are two sets of batch memory: while the network reads one, the
// corruption fills the other. After one uncaptured run the pair is captured into a CUDA graph and
// replayed with one call. What changes from step to step lies in device memory: the step number and
// learning rate in the state that a kernel advances, the draws where the copy stream puts them. The
// host writes them into pinned memory that it reuses only after the event of its last copy.
//
// Photographs that do not all fit are streamed (pictures.h): with the draws of a batch come its
// views, on a stream of their own, `upload`. The draws say in which slots they lie, so the graph need not
// know that there are two sets of slots: the views of the next pair arrive while this pair runs,
// and only the draws, a few hundred bytes a view, wait for it to be over.
//
// With other ranks gradients are exchanged on a stream of their own beside the backward steps (model/sharded.h), in
// the graph as well. What the host waits for then may wait for a GPU that is gone, so it looks for signs of life
// meanwhile.
#pragma once

#include <array>
#include <exception>
#include <optional>

#include "corrupt/pictures.h"
#include "model/input.h"
#include "runtime/named_buffers.h"
#include "runtime/stopwatch.h"
#include "runtime/stream.h"
#include "train/trainer.h"

namespace dae {

class StepPipeline final : public Trainer {
 public:
  StepPipeline(const TrainerConfig& config, std::vector<Source> sources);
  ~StepPipeline() override;

  // For timing the GPU alone: a replay trains two steps, on the draws of the pair before, that the
  // host does not count. There is a graph once two pairs were enqueued.
  const cuda::Graph& graph() const { return graph_; }
  const cuda::Stream& compute() const { return streams_[0]; }
  double seconds_waited() const override { return seconds_waited_; }

 private:
  struct Pass {
    TensorId clean, corrupted, record, told, rounded;
  };
  struct Pending {  // one of two sets of pinned memory
    PinnedBuffer draws, views, losses;
    cuda::Event copied;    // from draws and views
    cuda::Event consumed;  // the corruption has read the slots
    cuda::Event arrived;   // in losses
    int steps = 0;         // whose losses are on their way
    cuda::Stopwatch gap;   // from the end of these steps to the beginning of the next
    bool gap_begun = false, gap_over = false;
  };
  MemoryNeed need_of_plans(bool resident) const override;
  void attach() override;
  const StepProgram& step() const override { return single_; }
  // Waits for the GPU only when it is two calls behind.
  int take_steps(uint64_t number, int at_most) override;
  void take_profiled_step(uint64_t number) override;
  std::optional<Executor::NotFinite> take_checked_step(uint64_t number, size_t at_most) override;
  void finish() override;

  Program plan_preparation();
  StepProgram plan_steps(bool pair);
  void prepare(uint64_t number);
  void upload(int turn, int batches, const uint64_t* numbers);
  int64_t slots() const { return 2 * 2 * own_batch(); }  // of two pairs
  int64_t first_slot(int turn, int set) const { return (2 * turn + set) * own_batch(); }
  size_t view_bytes() const;
  size_t record_bytes() const;
  void end_gap(Pending& pending);
  void collect(Pending& pending);
  void wait(
      const cuda::Event& event) const;  // the host does, for what other ranks may have a part in

  NamedBuffers buffers_{Device::cuda};    // that the three programs share
  InputTensors prepared_input_;           // of the first program
  std::array<InputTensors, 2> inputs_{};  // of the third, by set of batch memory
  Program preparation_;
  StepProgram single_, pair_;
  std::vector<cuda::Stream> streams_;  // compute, input, copy; with other ranks exchange
  cuda::Stream upload_;
  cuda::Event done_, uploaded_;
  ResidentPictures pictures_;  // resident
  Buffer slots_;               // streamed
  std::array<Pending, 2> pending_;
  cuda::Graph graph_;
  const int exceptions_ = std::uncaught_exceptions();
  int turn_ = 0, pairs_run_ = 0;
  double seconds_waited_ = 0;
  std::optional<uint64_t> prepared_;  // the step whose batch lies in the first set
};

}  // namespace dae
