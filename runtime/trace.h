// Tells tools outside the program which step of a plan the calls that follow belong to: NVTX ranges
// for Nsight; in the tests' simulated GPU, what the step says it touches.
#pragma once

#include "runtime/plan.h"

namespace dae::trace {

// Around what a step enqueues. Costs nothing where no tool listens.
void begin_step(const Step& step, const TensorTable& tensors, const Queue& q);
void end_step(const Queue& q);

}  // namespace dae::trace
