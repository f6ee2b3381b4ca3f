// Configurations of before, and what the largest numbers are. Those that somebody made by hand: hostile_files_test.cpp.
#include "record/run_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dae::test {
namespace {

using nlohmann::json;

RunConfig read(const json& config) {
  return run_config_from_json(config, "config.json");
}

// What docs/run-folder.md says that a file may lack, and what it says that this means.
TEST(RunConfig, WhatAFileLacksIsAsItWasBefore) {
  RunConfig config;
  config.network.width = 8;
  config.corruption.order = Order::camera;
  RunConfig full = config;
  full.network.levels = 2;
  full.network.stem = 2;
  full.network.noise_input = true;
  full.corruption.shot = {5, 20};
  full.corruption.grain = {0.5f, 1};
  full.corruption.common = {0.25f, 0.5f};
  full.corruption.jpeg = {50, 90};
  full.schedule.start = 10;
  full.given = "/noisy";
  full.from = "/runs/a";
  full.shards = 2;
  json file = to_json(full);
  EXPECT_EQ(read(file), full);
  for (const char* const key : {"levels", "stem", "noise_input"}) file["model"].erase(key);
  for (const char* const key : {"shot", "grain", "common", "jpeg"}) file["corruption"].erase(key);
  file["optimizer"].erase("start");
  file["data"].erase("pairs");
  for (const char* const key : {"from", "shards"}) file.erase(key);
  config.network.levels = 4;
  config.network.stem = 1;
  config.network.noise_input = false;
  config.corruption.shot.present = config.corruption.grain.present =
      config.corruption.common.present = config.corruption.jpeg.present = false;
  config.schedule.start = 0;
  config.given = config.from = "";
  config.shards = 1;
  EXPECT_EQ(read(file), config);
}

TEST(RunConfig, TheLargestPicturesAndBatchesAreRead) {
  RunConfig config;
  config.max_side = 65536;
  config.batch = 65536;
  EXPECT_EQ(read(to_json(config)), config);
}

}  // namespace
}  // namespace dae::test
