// The formula of kernels/schedule.h, on host and device.
#pragma once

#include "kernels/step_state.h"
#include "runtime/host_device.h"

namespace dae {

// cos(pi u) for u in [0, 1], by the Taylor series of sin(pi (1/2 - u)) to the 21st power: its error
// is below 1e-17. Plain operations, so every device gives the same bits; and CUDA's cos() would
// keep a table for huge arguments in local memory.
DAE_HOST_DEVICE inline double cos_pi(double u) {
  const double x = 3.14159265358979323846 * (0.5 - u), xx = x * x;
  double sum = 1;
  for (int k = 20; k >= 2; k -= 2) sum = 1 - sum * xx / (k * (k + 1));
  return x * sum;
}

DAE_HOST_DEVICE inline void advance_state(StepState& state) {
  const Schedule& s = state.schedule;
  state.step++;
  double rate = 0;  // beyond the total
  const auto number = static_cast<double>(state.step - s.start);
  const auto warmup = static_cast<double>(s.warmup), count = static_cast<double>(s.total - s.start);
  if (state.step <= s.start + s.warmup)
    rate = s.peak * (number / warmup);
  else if (state.step < s.total)
    rate = s.peak * 0.5 * (1 + cos_pi((number - warmup) / (count - warmup)));
  state.learning_rate = static_cast<float>(rate);
}

}  // namespace dae
