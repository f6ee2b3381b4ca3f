#include "kernels/schedule.h"

#include "kernels/schedule_formula.h"
#include "runtime/dispatch.h"

namespace dae {

void advance(const Queue& q, const Tensor& state) {
  check_dtype("advance", "state", state, DType::u8);
  check_shape("advance", "state", state, {static_cast<int64_t>(sizeof(StepState))});
  check_aligned("advance", "state", state, alignof(StepState));
  DAE_DISPATCH(q, advance_state(*static_cast<StepState*>(state.data)),
               cuda::advance(q.stream, state));
}

}  // namespace dae
