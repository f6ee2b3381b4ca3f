// The feature network of a run with a perceptual loss and none given.
#pragma once

#include <dae/training.h>

#include <vector>

#include "corrupt/draw.h"
#include "model/feature_network.h"

namespace dae {

// Trains one on the run's own pictures and tells the observer what it learnt to tell apart. With all
// corruptions as they are by default and one seed, whatever the run's are: a run for noise alone
// needs a judge that sees blur. Throws Cancelled when it is stopped.
FeatureNetwork train_run_features(const std::vector<Source>& sources, TrainingObserver& observer,
                                  const std::stop_token& stop);

}  // namespace dae
