// The steps around a network: its loss, its output for people, and the update of its weights.
#pragma once

#include "kernels/adam.h"
#include "kernels/schedule.h"
#include "model/loss_spec.h"
#include "model/network.h"

namespace dae {

// Adds the mean squared error of the network's restoration of x {N, H, W, 3} against target u8 of
// the same shape (value / 255), with its gradients, then the backward steps of the network. Returns
// the loss, f32 {1}, which lies in `loss`, an external tensor.
void add_mse_and_backward(Builder& builder, const NetworkConfig& config,
                          const NetworkOutput& network, TensorId x, TensorId target, TensorId loss);

// The floats that a step leaves of its loss: the loss; then, of every term of anything but plain
// MSE, its value and the L2 norm of weight d(term) / dy over the batch, where y is the restoration.
int64_t loss_record_size(const LossSpec& loss);

// The same for any loss; `record` is an external f32 {loss_record_size(loss)}. Plain MSE is
// add_mse_and_backward(). For others y is written, each term adds to its gradient, and one more op
// leads from there into the network. `feature_widths` are those of a perceptual term's network.
void add_loss_and_backward(Builder& builder, const NetworkConfig& config, const LossSpec& loss,
                           const NetworkOutput& network, TensorId x, TensorId target,
                           TensorId record, const std::vector<int64_t>& feature_widths = {});

// Adds the restoration y {N, H, W, 3}, f32: not clamped to [0, 1], which is left to whoever shows
// or measures it.
void add_restoration(Builder& builder, const NetworkConfig& config, const NetworkOutput& network,
                     TensorId x, TensorId y);

// What an optimiser keeps between steps: external tensors shaped like the weights, and a StepState.
struct OptimizerTensors {
  TensorId m, v, ema, state;
};
OptimizerTensors declare_optimizer(Builder& builder);

// Adds one step of the schedule, which the state holds, and of Adam.
void add_update(Builder& builder, const OptimizerTensors& optimizer, const AdamConfig& adam);

}  // namespace dae
