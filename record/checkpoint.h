// A checkpoint: what training goes on from, and the safetensors file that holds it: weights.NAME,
// ema.NAME, moment1.NAME and moment2.NAME of every parameter of the network, f32, and u64: {1} `step`,
// `skipped` and `noted_steps`, and {n} `loss_sums`, the bits of doubles.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "kernels/step_state.h"
#include "model/parameters.h"

namespace dae {

struct Checkpoint {
  // Each is laid out as the parameters of its network say.
  std::vector<float> weights, ema, moment1, moment2;
  StepState state;
  // Of the steps since the last row of metrics.csv: how many, and the sums of what they left of their
  // losses (model/objective.h).
  int64_t noted_steps = 0;
  std::vector<double> loss_sums = {};
};

// Of the state, the steps done and left out: the rest is the configuration's, or made anew. The
// file is written at once or not at all (data/safetensors.h).
void write_checkpoint(const std::filesystem::path& path, const ParameterSet& parameters,
                      const Checkpoint& checkpoint);

// These throw Error naming the file when it is damaged or holds another network.
Checkpoint read_checkpoint(const std::filesystem::path& path, const ParameterSet& parameters);
uint64_t read_checkpoint_step(const std::filesystem::path& path);
std::vector<float> read_averaged_weights(const std::filesystem::path& path,
                                         const ParameterSet& parameters);

}  // namespace dae
