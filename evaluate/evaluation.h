// Measures a network on held-out pictures: everything it is trained on together and each corruption
// alone, beside what doing nothing and simple corrections reach.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "corrupt/corrupt.h"
#include "data/dataset.h"
#include "quality/scores.h"
#include "record/run_config.h"
#include "restore/restorer.h"

namespace dae {

struct EvaluationRow {
  std::string name;  // "all", "noise", ...
  // Doing nothing; the network; grey-world (each channel scaled to the mean of all clean views);
  // and dividing by the gains that were really drawn, which no program can know.
  Summary corrupted, restored, grey_world, true_gain;
};

struct Evaluation {
  int64_t views = 0;
  std::string view_size;   // "64x64", "whole pictures"
  std::string noise_clip;  // for the sigma row: "on" or "off"
  std::vector<EvaluationRow> rows;
};

// What to restore with.
struct Network {
  Device device = Device::cpu;
  const RunConfig& config;
  ParameterSet& parameters;
  const float* weights;  // laid out as the parameters, on the device
  // Device memory that nobody else uses meanwhile; what needs more takes its own.
  std::span<std::byte> arena = {};
};

struct EvaluationOptions {
  CorruptSpec corruption;       // the run's, or changed
  double sigma = -1;            // >= 0: one row, Gaussian noise of this strength alone
  bool whole_pictures = false;  // instead of crops of the training size
  int64_t views_per_image = 4;  // crops; of images at least as large as a crop, others are padded
  int64_t most_views = 512;
  uint64_t seed = 1;
  std::function<void(const std::string& row, size_t done, size_t total)> progress = {};
};

// `images` are indices into the dataset, whose pixels stay in host memory. Draws depend on seed and
// view index alone.
Evaluation evaluate(const Network& network, const Dataset& dataset,
                    const std::vector<int64_t>& images, const EvaluationOptions& options);

}  // namespace dae
