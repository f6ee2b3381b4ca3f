// Measures a network on some of a dataset's pictures.
#pragma once

#include <dae/evaluation.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/network.h"
#include "restore/trained_network.h"
#include "runtime/communicator.h"
#include "runtime/memory.h"

namespace dae {

// A network whose weights lie on the device.
struct PlacedNetwork {
  Device device = Device::cpu;
  const NetworkConfig& config;
  ParameterSet& parameters;
  const float* weights;  // laid out as the parameters
  // Device memory that nobody else uses meanwhile; what needs more takes its own.
  std::span<std::byte> arena = {};
};

// The network of a run folder or file, its averaged weights on the device. Throws what
// open_trained_network() does.
class OpenedRun {
 public:
  OpenedRun(const std::filesystem::path& run, Device device);
  const RunConfig& config() const { return trained_.config; }
  const std::string& note() const { return trained_.note; }
  // While this lives.
  PlacedNetwork network();

 private:
  Device device_;
  TrainedNetwork trained_;
  Buffer weights_;
};

struct MeasureOptions {
  CorruptSpec corruption;
  std::optional<double> sigma = {};
  bool whole_pictures = false;
  int64_t views_per_image = 4, most_views = 512;
  uint64_t seed = 1;
  Communicator* ranks = nullptr;  // that share the views; not whole pictures
  std::function<void(const std::string& row, size_t done, size_t total)> progress = {};
};

// As evaluate(). `images` are places in the dataset, whose pixels stay in host memory. Draws depend
// on seed and view index alone. What the result says of dataset and pictures is left to the caller. Of several
// ranks, which all call it, rank 0 has the result.
Evaluation measure(const PlacedNetwork& network, const Dataset& dataset,
                   const std::vector<int64_t>& images, const MeasureOptions& options);

}  // namespace dae
