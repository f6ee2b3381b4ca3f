// The input phase of a plan: the corruption.
#pragma once

#include "corrupt/corrupt.h"
#include "model/builder.h"

namespace dae {

// External tensors that tell the corruption what to do: the source table u8 {1, sizeof(Source)},
// which Executor::resize() sets to the table's length, and one Draw a view, u8 {N, sizeof(Draw)}.
struct InputTensors {
  TensorId sources, draws;
};

// How a plan with more than one batch in it tells them apart.
struct InputPlacement {
  const char* draws = "draws";  // the name of the draws' tensor
  int stream = 0;
  TensorId sources = kNoTensor;  // the table of another batch of the plan, which they share
  TensorId told = kNoTensor;     // f32 {N}, to be filled for a network with a noise input
  TensorId rounded = kNoTensor;  // bf16, to be filled with `corrupted` for one that computes in it
};

// How a table of so many sources is shaped: what Executor::resize() is given.
Shape source_table(size_t sources);

// Adds the step that fills clean u8 {N, H, W, 3} and corrupted f32 of the same shape.
InputTensors add_corruption(Device device, Plan& plan, const CorruptFlags& flags, TensorId clean,
                            TensorId corrupted, const InputPlacement& placement = {});

}  // namespace dae
