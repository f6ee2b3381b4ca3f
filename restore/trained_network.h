// Opening what training left.
#pragma once

#include <filesystem>
#include <vector>

#include "record/run_config.h"

namespace dae {

// A run's network with its averaged weights, laid out as `parameters` says.
struct TrainedNetwork {
  RunConfig config;  // its precision is the one in which the network computes on the device
  ParameterSet parameters;
  std::vector<float> weights;
};

// Throws Error when `run` is not a run folder, or its newest checkpoint is damaged or another
// network's.
TrainedNetwork open_trained_network(const std::filesystem::path& run, Device device);

}  // namespace dae
