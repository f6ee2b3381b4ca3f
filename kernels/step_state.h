// What changes from one training step to the next, in device memory, so that a recorded graph of
// kernels can be replayed: kernels/schedule.h moves it on, kernels/adam.h reads and completes it.
#pragma once

#include <cstdint>

namespace dae {

// The learning rate of step t = start + 1, start + 2, ...: with u = t - start and n = total - start,
// peak u / warmup up to `warmup`, then peak (1 + cos(pi (u - warmup) / (n - warmup))) / 2, which
// reaches zero at `total`. A run that goes on beyond its end starts again where that was.
struct Schedule {
  double peak = 2e-3;
  uint64_t warmup = 100, total = 1000, start = 0;

  bool operator==(const Schedule&) const = default;
};

struct StepState {
  Schedule schedule;
  uint64_t step = 0;     // the current step, from 1; 0 before the first
  uint64_t skipped = 0;  // updates left out because the gradient was not finite
  float learning_rate = 0;
  float gradient_norm = 0;   // L2, before clipping
  float gradient_scale = 0;  // what clipping multiplied the gradient by; 0: the update was left out
  float correction1 = 0, correction2 = 0;  // 1 / (1 - beta^step)
  float ema_decay = 0;
};

}  // namespace dae
