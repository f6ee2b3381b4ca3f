// What stands between a network and a picture: a sigmoid (fc, conv, mlp), or the input, to which
// the network's output is added, times the gain (unet). Forward, backward, and for the mean squared
// error both at once.
#pragma once

#include <memory>

#include "model/network.h"

namespace dae {

class OutputStage {
 public:
  virtual ~OutputStage() = default;

  // Adds the restoration y {N, H, W, 3}, f32: not clamped to [0, 1], which is left to whoever shows
  // or measures it.
  virtual void add_restoration(Builder& builder, TensorId y) const = 0;

  // Adds the way from dy to the gradients of the network's output, which are set.
  virtual void add_backward(Builder& builder, TensorId y, TensorId dy) const = 0;

  // Adds the mean squared error, f32 {1}, of the restoration against target u8 (value / 255) with
  // the gradients of the network's output, which are set: one op, that writes no y.
  virtual void add_mse(Builder& builder, TensorId target, TensorId loss) const = 0;
};

// Of the network that made `output` of x {N, H, W, 3}.
std::unique_ptr<OutputStage> output_stage(const NetworkConfig& config, const NetworkOutput& output,
                                          TensorId x);

}  // namespace dae
