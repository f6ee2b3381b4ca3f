// Runs a plan: gives every tensor its address, then calls the steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "runtime/layout.h"
#include "runtime/memory.h"
#include "runtime/plan.h"
#include "runtime/stream.h"

namespace dae {

class Executor {
 public:
  Executor(Plan plan, Layout layout);

  // Gives every tensor of the arena its address. `arena` holds at least layout.bytes and outlives
  // the executor; plans that never run at the same time may share one. Throws Error when it is too
  // small or misaligned.
  void attach(std::byte* arena, size_t bytes);

  // Gives an external tensor (and its slices) its memory.
  void bind(TensorId external, void* data);

  // Gives an external tensor another shape, where its first dimension is known only now (a table of
  // images). Before bind().
  void resize(TensorId external, Shape shape);

  // Runs every step in list order on one queue. Throws Error naming the first external tensor that
  // has not been bound. Allocates nothing.
  void run(const Queue& q);

  // Enqueues every step on streams[step.stream] of the GPU, with the waits that the layout (made
  // for several streams) asks for. Work that streams[0] had before comes first, and what it gets
  // next comes after all of this, so a run can be captured into a graph. Allocates events in the
  // first run.
  void run_on(const std::vector<cuda::Stream>& streams);

  // As run(queue), and adds each step's seconds to seconds()[step]. Waits for the device after each
  // step, by a call of `wait` on a GPU, so the sum is larger than an undisturbed run's time.
  void run_profiled(const Queue& q, const std::function<void()>& wait = synchronize_device);

  // Runs the steps, or the first `at_most` of them, up to the first that leaves a number that is not finite,
  // in an f32 or bf16 tensor that it writes: its place in plan().steps(), and the tensor. Waits for the device
  // after each step and copies what it wrote.
  struct NotFinite {
    size_t step;
    TensorId tensor;
  };
  std::optional<NotFinite> run_until_not_finite(const Queue& q, size_t at_most = SIZE_MAX);

  const Plan& plan() const { return plan_; }
  const Layout& layout() const { return layout_; }
  const TensorTable& tensors() const { return tensors_; }
  const std::vector<double>& seconds() const { return seconds_; }
  int profiled_runs() const { return profiled_runs_; }

 private:
  void check_bound();
  void run_step(const Step& step, const Queue& q) const;

  Plan plan_;
  Layout layout_;
  std::vector<cuda::Event> events_;  // of the steps that others wait for, then of each stream
  std::vector<int> event_of_;        // by step: index in events_, or -1
  TensorTable tensors_;
  std::vector<double> seconds_;
  int profiled_runs_ = 0;
  bool all_bound_ = false;
};

}  // namespace dae
