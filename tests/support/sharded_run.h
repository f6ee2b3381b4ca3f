// A small run in shards: pictures and configuration.
#pragma once

#include <algorithm>
#include <vector>

#include "data/synthetic.h"
#include "train/trainer.h"

namespace dae::test {

// For as long as the trainer that uses them.
struct Pictures {
  std::vector<Image> images;
  std::vector<Source> sources;

  Pictures() {
    for (size_t i = 0; i < 5; i++) images.push_back(draw_dead_leaves(9, i, 24 + i, 40));
    for (const Image& image : images)
      sources.push_back({image.pixels.data(), 3 * image.width, static_cast<int32_t>(image.height),
                         static_cast<int32_t>(image.width)});
  }
};

inline TrainerConfig sharded_config(const char* loss, int64_t shards, int64_t batch = 12) {
  TrainerConfig config;
  config.network = {.kind = NetworkKind::unet,
                    .size = 32,
                    .width = 16,
                    .blocks = 1,
                    .levels = 2,
                    .stem = 2,
                    .noise_input = true};
  config.corruption.blur = parse_range("blur", "0:1@0.5");
  config.loss = parse_loss(loss);
  config.batch = batch;
  config.schedule = {.peak = 1e-3, .warmup = 2, .total = 20};
  config.sharding.shards = shards;
  return config;
}

// What may not depend on how many ranks there were.
struct Outcome {
  Checkpoint checkpoint;
  double loss = 0;
  std::vector<float> losses;  // after each call
  std::vector<double> terms;  // of each the value and its gradient's norm

  bool operator==(const Outcome& other) const {
    const Checkpoint &a = checkpoint, &b = other.checkpoint;
    return a.weights == b.weights && a.ema == b.ema && a.moment1 == b.moment1 &&
           a.moment2 == b.moment2 && a.state.gradient_norm == b.state.gradient_norm &&
           loss == other.loss && losses == other.losses && terms == other.terms;
  }
};

// Trains, from a checkpoint if there is one, by calls of so many steps.
inline Outcome outcome_of(Trainer& trainer, int steps, const Checkpoint* from = nullptr,
                          int steps_a_call = 1) {
  if (from) trainer.restore(*from);
  Outcome outcome;
  for (int done = 0; done < steps;) {
    done += trainer.run(std::min(steps_a_call, steps - done));
    outcome.losses.push_back(trainer.loss());
  }
  outcome.loss = trainer.take_mean_loss();
  for (const TermMean& term : trainer.mean_terms())
    outcome.terms.insert(outcome.terms.end(), {term.value, term.gradient_norm});
  outcome.checkpoint = trainer.checkpoint();
  return outcome;
}

}  // namespace dae::test
