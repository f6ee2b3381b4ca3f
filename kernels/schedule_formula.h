// The formula of kernels/schedule.h, on host and device.
#pragma once

#include <cmath>

#include "kernels/step_state.h"
#include "runtime/host_device.h"

namespace dae {

DAE_HOST_DEVICE inline void advance_state(StepState& state) {
  const Schedule& s = state.schedule;
  state.step++;
  double rate = 0;  // beyond the total
  if (state.step <= s.warmup)
    rate = s.peak * (static_cast<double>(state.step) / static_cast<double>(s.warmup));
  else if (state.step < s.total)
    rate = s.peak * 0.5 *
           (1 + cos(3.14159265358979323846 * static_cast<double>(state.step - s.warmup) /
                    static_cast<double>(s.total - s.warmup)));
  state.learning_rate = static_cast<float>(rate);
}

}  // namespace dae
