// The formulas of kernels/adam.h, on host and device.
#pragma once

#include <cmath>

#include "kernels/adam.h"
#include "runtime/host_device.h"

namespace dae {

// Completes the state from the gradient's squared norm: one thread, in fp64.
DAE_HOST_DEVICE inline void complete_state(const AdamConfig& config, double squared_norm,
                                           StepState& state) {
  const double norm = sqrt(squared_norm), t = static_cast<double>(state.step);
  const bool finite = norm <= 1.7e308;  // false for NaN, too
  double scale = 0;
  if (finite) scale = config.clip_norm > 0 && norm > config.clip_norm ? config.clip_norm / norm : 1;
  if (!finite) state.skipped++;
  const double warm_decay = (1 + t) / (10 + t);
  state.gradient_norm = static_cast<float>(norm);
  state.gradient_scale = static_cast<float>(scale);
  state.correction1 = static_cast<float>(1 / (1 - pow(static_cast<double>(config.beta1), t)));
  state.correction2 = static_cast<float>(1 / (1 - pow(static_cast<double>(config.beta2), t)));
  state.ema_decay =
      warm_decay < config.ema_decay ? static_cast<float>(warm_decay) : config.ema_decay;
}

// One weight. Only additions, products, a division and a square root, each rounded once and none
// fused, so every device gets the same bits from the same state.
DAE_HOST_DEVICE inline void adam_element(const AdamConfig& config, float scale, float rate,
                                         float correction1, float correction2, float ema_share,
                                         float gradient, float& weight, float& m, float& v,
                                         float& ema) {
  const float g = gradient * scale;
  m = config.beta1 * m + (1 - config.beta1) * g;
  v = config.beta2 * v + (1 - config.beta2) * (g * g);
  const float direction = (m * correction1) / (sqrtf(v * correction2) + config.epsilon);
  weight -= rate * (direction + config.weight_decay * weight);
  ema += ema_share * (weight - ema);
}

}  // namespace dae
