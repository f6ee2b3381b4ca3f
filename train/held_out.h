// The evaluation of what a run holds out, by the weights that its trainer has.
#pragma once

#include <dae/evaluation.h>

#include "record/run_config.h"
#include "runtime/communicator.h"
#include "train/trainer.h"
#include "train/training_pictures.h"

namespace dae {

// As measure(): of several ranks, which all call it, rank 0 has the result.
Evaluation measure_held_out(Trainer& trainer, const RunConfig& config, Device device,
                            const TrainingPictures& pictures, int64_t most_views,
                            Communicator* ranks);

}  // namespace dae
