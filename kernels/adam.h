// Adam (Kingma & Ba, 2015) with gradient clipping by norm, decoupled weight decay (Loshchilov &
// Hutter, 2019) and an exponential moving average of the weights, over flat buffers.
//
//   norm = |g|                                   g <- g min(1, clip / norm)
//   m <- b1 m + (1 - b1) g                       v <- b2 v + (1 - b2) g^2
//   w <- w - rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + decay w)
//   ema <- ema + (1 - d) (w - ema),              d = min(ema_decay, (1 + t) / (10 + t))
//
// t and the rate come from the state (kernels/schedule.h). A norm that is not finite leaves
// weights, moments and ema as they are and counts in state.skipped. The norm is summed in chunks of
// fixed bounds, in order: the same bits for every number of threads and every run.
#pragma once

#include "kernels/step_state.h"
#include "runtime/queue.h"
#include "runtime/rounding.h"
#include "runtime/tensor.h"

namespace dae {

// With the usual beta2 of 0.999, v remembers a thousand small gradients when one grows tenfold, and
// the step that follows is three times as long as any before it, or seven when they go on growing:
// that is how a run's loss came to explode (docs/recipe.md). With 0.95 it is 1.1 times as long at most.
struct AdamConfig {
  float beta1 = 0.9f, beta2 = 0.95f, epsilon = 1e-8f;
  float weight_decay = 0;
  float clip_norm = 1;  // 0: no clipping
  float ema_decay = 0.999f;

  bool operator==(const AdamConfig&) const = default;
};

struct AdamTensors {
  Tensor state;         // u8 {sizeof(StepState)}, already advanced to this step
  Tensor gradients;     // {P}, f32 or (cuda) bf16
  Tensor weights;       // f32 {P}, updated
  Tensor m, v, ema;     // f32 {P}, updated
  Tensor weights_bf16;  // bf16 {P}: the new weights rounded, for layers that compute in it; or
                        // an empty Tensor
  Tensor workspace;     // f32 {adam_workspace_count(P)}
};

// Buffers of weights are aligned to 16 bytes. Throws Error naming the shapes. An update that is
// left out leaves weights_bf16 as it is, too.
void adam(const Queue& q, const AdamConfig& config, const AdamTensors& tensors);

inline constexpr int64_t kAdamChunk = 4096;  // gradients a partial sum of the norm covers
inline int64_t adam_workspace_count(int64_t count) {
  return ceil_div(count, kAdamChunk);
}

namespace cuda {
void adam(void* stream, const AdamConfig& config, const AdamTensors& tensors);
}

}  // namespace dae
