// One thread, once a step. It is a kernel because the step number must not come from the host: a
// replayed graph would see the number it was recorded with.
#include "kernels/schedule.h"
#include "kernels/schedule_formula.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

__global__ void advance_kernel(StepState* state) {
  advance_state(*state);
}

}  // namespace

void advance(void* stream, const Tensor& state) {
  launch("advance", advance_kernel, 1, 1, 0, stream, static_cast<StepState*>(state.data));
}

}  // namespace dae::cuda
