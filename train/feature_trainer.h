// Where a feature network comes from when nobody supplies one: it learns to read off a corrupted
// crop how it was corrupted. What tells noise, blur and false colours from the picture under them
// is what a restoration should have in common with the clean picture.
//
// On the CPU, where it takes one to three seconds, whatever device the run is for: the layers
// are small, and so every run on one machine has the same judge.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "corrupt/draw.h"
#include "model/feature_network.h"

namespace dae {

struct FeatureTraining {
  int64_t steps = 1500, batch = 16, size = 32;
  std::vector<int64_t> widths = kFeatureWidths;
  uint64_t seed = 1;
  std::function<void(int64_t done)> progress = {};  // after every step
};

// How much of a parameter's variance the network explains on draws that it was not trained on: 1 is
// all, 0 or less nothing. Of the channels' gains: the mean of the three.
struct ToldApart {
  std::string corruption;  // "noise", "blur", "brightness", "channel"
  double r2;
};

struct TrainedFeatures {
  FeatureNetwork network;  // normalised on clean crops
  std::vector<ToldApart> told_apart;
};

// Steps of Adam on the mean squared error of a linear head on the last layer's pooled features; its
// targets are the parameters of each crop's draw, each with zero mean and unit variance. What a
// corruption leaves out or fixes is no target. Depends on the arguments alone, up to the order in
// which the machine's libraries sum. Throws Error when there is nothing to tell apart.
TrainedFeatures train_features(std::span<const Source> sources, const CorruptSpec& corruption,
                               const FeatureTraining& options);

}  // namespace dae
