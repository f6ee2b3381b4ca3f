// A plan that can be run: its steps, the place of its tensors and the memory they lie in.
//
//   Program program(device, std::move(plan));   // lays the plan out and takes no memory
//   program.bind(weights, memory);              // what others own
//   program.allocate();                         // what they do not
//   program.write(x, pictures.data());
//   program.run();
//   program.read(y, restored.data());           // of the batch, or an output: plan.keep(y)
#pragma once

#include <span>
#include <vector>

#include "runtime/executor.h"

namespace dae {

class Program {
 public:
  // `one_stream` as for lay_out().
  Program(Device device, Plan plan, bool one_stream = true);

  // Before the first run every tensor is given memory, once: these two that of others, which
  // outlives the program, and allocate() its own, zeroed, to all that is left. An arena may be
  // shared by programs that never run at the same time.
  void bind(TensorId external, void* data) { executor_.bind(external, data); }
  void attach(std::span<std::byte> arena);
  void allocate();

  // Runs every step in list order on the default queue and waits for the device: what they wrote
  // can be read. Allocates nothing.
  void run();

  // Between the host and the whole of a tensor.
  void write(TensorId id, const void* from) const;
  void read(TensorId id, void* to) const;
  std::vector<float> floats(TensorId id) const;  // of an f32 tensor

  const Tensor& tensor(TensorId id) const { return executor_.tensors()[id]; }
  const Plan& plan() const { return executor_.plan(); }
  const Layout& layout() const { return executor_.layout(); }
  // For other ways to run, shared buffers (named_buffers.h) and tensors that are resized.
  Executor& executor() { return executor_; }
  const Executor& executor() const { return executor_; }

 private:
  Device device_;
  Executor executor_;
  std::vector<Buffer> buffers_;  // its own: external tensors, the arena
  bool has_arena_ = false;
};

}  // namespace dae
