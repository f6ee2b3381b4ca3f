// The feature network of a run with a perceptual loss and none given.
#pragma once

#include <string>
#include <vector>

#include "corrupt/draw.h"
#include "model/feature_network.h"

namespace dae {

// Trains one on the run's own pictures and prints what it learnt to tell apart. With all
// corruptions as they are by default and one seed, whatever the run's are: a run for noise alone
// needs a judge that sees blur.
// `brief`, when not empty, comes before its progress, and nothing is printed (training.h).
FeatureNetwork train_run_features(const std::vector<Source>& sources, const std::string& brief);

}  // namespace dae
