// A small run in shards: pictures and configuration.
#pragma once

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

}  // namespace dae::test
