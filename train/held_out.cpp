#include "train/held_out.h"

#include "evaluate/measure.h"
#include "train/validation.h"

namespace dae {

Evaluation measure_held_out(Trainer& trainer, const RunConfig& config, Device device,
                            const TrainingPictures& pictures, int64_t most_views,
                            Communicator* ranks) {
  ParameterSet parameters = trainer.parameters();
  return measure(
      {device, config.network, parameters, trainer.ema(), {trainer.arena(), trainer.arena_bytes()}},
      pictures.validation(), pictures.validation_images(),
      {.corruption = config.corruption,
       .views_per_image = views_an_image(most_views, pictures.held_out_count()),
       .most_views = most_views,
       .seed = kValidationSeed,
       .ranks = ranks});
}

}  // namespace dae
