// Runs a plan: gives every tensor its address, then calls the steps.
#pragma once

#include <string>
#include <vector>

#include "runtime/layout.h"
#include "runtime/memory.h"
#include "runtime/plan.h"

namespace dae {

class Executor {
 public:
  // `arena` holds at least layout.bytes and outlives the executor; plans that never run at the same
  // time may share one. Throws Error when the arena is too small or misaligned.
  Executor(Plan plan, const Layout& layout, std::byte* arena, size_t arena_bytes);

  // Gives an external tensor (and its slices) its memory.
  void bind(TensorId external, void* data);

  // Gives an external tensor another shape, where its first dimension is known only now (a table of
  // images). Before bind().
  void resize(TensorId external, Shape shape);

  // Runs every step in list order on one queue. Throws Error naming the first external tensor that
  // has not been bound. Allocates nothing.
  void run(const Queue& q);

  // The same, and adds each step's seconds to seconds()[step]. Waits for the device after each
  // step, so the sum is larger than an undisturbed run's time.
  void run_profiled(const Queue& q);

  const Plan& plan() const { return plan_; }
  const TensorTable& tensors() const { return tensors_; }
  const std::vector<double>& seconds() const { return seconds_; }
  int profiled_runs() const { return profiled_runs_; }

 private:
  void check_bound();

  Plan plan_;
  TensorTable tensors_;
  std::vector<double> seconds_;
  int profiled_runs_ = 0;
  bool all_bound_ = false;
};

}  // namespace dae
