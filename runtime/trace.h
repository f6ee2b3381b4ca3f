// Tells tools outside the program which step of a plan the calls that follow belong to: NVTX ranges
// for Nsight; in the tests' simulated GPU, what the step says it touches. And what a profiler that
// was told to wait (ncu --profile-from-start off) shall look at.
#pragma once

#include "runtime/plan.h"

namespace dae::trace {

// Around what a step enqueues. Costs nothing where no tool listens.
void begin_step(const Step& step, const TensorTable& tensors, const Queue& q);
void end_step(const Queue& q);

// What the GPU does while one lives is profiled; both ends wait for the GPU.
class Profiled {
 public:
  Profiled();
  ~Profiled();
};

}  // namespace dae::trace
