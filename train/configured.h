// What a training would be, before any picture is read.
#pragma once

#include <dae/training.h>

#include "record/run_config.h"

namespace dae {

// The configuration of a run of one process with these options, but for what its pictures and its speed
// decide: what is held out, and the schedule's steps. Throws what train() would of options that make no
// sense, and Error where the network to start from cannot be read.
RunConfig configured(const TrainingOptions& options);

}  // namespace dae
