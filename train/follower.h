// The beginning of a run on several ranks. Rank 0 opens the pictures and makes the folder; what is trained
// it tells the others, which check that they would do the same, and then do what its trainer does.
#pragma once

#include "train/session.h"
#include "train/trainer.h"
#include "train/training_pictures.h"

namespace dae {

// On rank 0, once everything of the run is known but its number of steps, and before its trainer is made. Of
// the others each waits for it in follow_run().
void tell_run(const SessionOptions& options, const RunConfig& config,
              const FeatureNetwork& features, const TrainingPictures& pictures);

// On rank 0, after that: throws Error naming a rank that cannot take part, and why. Trainers are made then, and
// the ranks meet once more when all have theirs.
void await_followers(const SessionOptions& options);

// On rank 0, once there is a run folder: should it be lost itself, the others say what is kept there.
void tell_folder(const SessionOptions& options, Trainer& trainer,
                 const std::filesystem::path& folder);

// On any other. Throws Error when what this rank was started with, its pictures, its software or its machine
// would not give what rank 0 has: SaidByRankZero.
void follow_run(const SessionOptions& options);

// `features`, where the run's loss wants them, and steps on this rank's part of each batch.
TrainerConfig trainer_config(const RunConfig& config, const SessionOptions& options,
                             FeatureNetwork features, const TrainingPictures& pictures);

}  // namespace dae
