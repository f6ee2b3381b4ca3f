// The formulas of kernels/adam.h, on host and device.
#pragma once

#include <cmath>

#include "kernels/adam.h"
#include "runtime/host_device.h"

namespace dae {

// What of the state follows from the step alone: one thread, in fp64.
DAE_HOST_DEVICE inline void begin_update(const AdamConfig& config, StepState& state) {
  const auto t = static_cast<double>(state.step);
  const double warm_decay = (1 + t) / (10 + t);
  state.correction1 = static_cast<float>(1 / (1 - pow(static_cast<double>(config.beta1), t)));
  state.correction2 = static_cast<float>(1 / (1 - pow(static_cast<double>(config.beta2), t)));
  state.ema_decay =
      warm_decay < config.ema_decay ? static_cast<float>(warm_decay) : config.ema_decay;
}

// What follows from the gradient's squared norm, in fp64. A norm that is not finite has a scale of 0.
struct Clipping {
  float norm, scale;
};
DAE_HOST_DEVICE inline Clipping clipping_of(const AdamConfig& config, double squared_norm) {
  const double norm = sqrt(squared_norm);
  const bool finite = norm <= 1.7e308;  // false for NaN, too
  double scale = 0;
  if (finite) scale = config.clip_norm > 0 && norm > config.clip_norm ? config.clip_norm / norm : 1;
  return {static_cast<float>(norm), static_cast<float>(scale)};
}
DAE_HOST_DEVICE inline void note_clipping(const Clipping& clipping, StepState& state) {
  if (clipping.scale == 0) state.skipped++;
  state.gradient_norm = clipping.norm;
  state.gradient_scale = clipping.scale;
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
