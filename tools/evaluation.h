// Measures a network on held-out pictures: everything it is trained on together and each corruption
// alone, beside what doing nothing and simple corrections reach.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
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

// One view as `draw` makes it: clean u8 and corrupted f32, each {height, width, 3}.
struct CorruptedPicture {
  std::vector<uint8_t> clean;
  std::vector<float> corrupted;
};
CorruptedPicture corrupt_view(const std::vector<Source>& sources, const Draw& draw, int64_t height,
                              int64_t width, const CorruptFlags& flags);
// The same for a whole picture.
CorruptedPicture corrupt_picture(const Source& source, Draw draw, const CorruptFlags& flags);

// The source table of some of a dataset's images, and fixed crops of them.
std::vector<Source> sources_of(const Dataset& dataset, const std::vector<int64_t>& images);
std::vector<View> fixed_views(const std::vector<Source>& sources, int64_t size,
                              int64_t views_per_image, int64_t most, uint64_t seed);

// The tables for people, as text; infinity reads "exact" where every view is, and "inf" where some
// are.
std::string to_text(const Evaluation& evaluation);
std::string to_html(const Evaluation& evaluation);
nlohmann::json to_json(const Evaluation& evaluation);  // infinity and NaN are null
nlohmann::json to_json(const Summary& summary);

}  // namespace dae
