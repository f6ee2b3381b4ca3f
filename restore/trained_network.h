// Opening what training left.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "record/run_config.h"

namespace dae {

// A network with its averaged weights, laid out as `parameters` says.
struct TrainedNetwork {
  RunConfig config;  // its precision is the one in which the network computes on the device
  ParameterSet parameters;
  std::vector<float> weights;
  std::string note =
      {};  // for people: that an older checkpoint stands in for a damaged one; or empty
};

// Of a run folder or of a network file (record/network_file.h). Throws Error when `path` is neither,
// or the file or all of the run's checkpoints are damaged or another network's.
TrainedNetwork open_trained_network(const std::filesystem::path& path, Device device);

// Its configuration alone.
RunConfig read_trained_config(const std::filesystem::path& path);

}  // namespace dae
