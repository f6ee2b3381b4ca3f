// The update of a network's weights: a schedule, Adam, the average over steps.
#pragma once

#include "kernels/adam.h"
#include "model/builder.h"

namespace dae {

// All that training keeps of a network: flat external tensors shaped like its weights, and a
// StepState.
struct OptimizerTensors {
  TensorId weights;
  TensorId weights_bf16;  // the copy that layers read; kNoTensor where they compute in f32
  TensorId gradients;
  TensorId m, v, ema;
  TensorId state;
};

// Those of the builder, and others declared beside them, once the network's weights are all known.
OptimizerTensors declare_optimizer(Builder& builder);

// Adds one step of the schedule, which the state holds, and of Adam.
void add_update(Plan& plan, const OptimizerTensors& optimizer, const AdamConfig& config);

}  // namespace dae
