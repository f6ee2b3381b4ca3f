// Moves a StepState to the next step: step + 1, and that step's learning rate by its schedule,
// computed in fp64 and rounded once.
#pragma once

#include "kernels/step_state.h"
#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// `state` is u8 {sizeof(StepState)}; throws Error otherwise.
void advance(const Queue& q, const Tensor& state);

namespace cuda {
void advance(void* stream, const Tensor& state);
}

}  // namespace dae
