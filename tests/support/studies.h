// Studies of runs of two steps.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "laboratory/study.h"
#include "runtime/parallel.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {

class StudyTest : public testing::Test {
 protected:
  void SetUp() override {
    set_threads(1);
    setenv("XDG_CACHE_HOME", temporary_.file("cache").c_str(), 1);
    const std::string photos = temporary_.file("photos");
    std::filesystem::create_directory(photos);
    for (uint64_t i = 0; i < 6; i++)
      save_png(photos + "/leaf" + std::to_string(i) + ".png", draw_dead_leaves(3, i, 40, 48));
    open_dataset(photos);  // its cache, which threads would write at once
    folder_ = temporary_.file("study");
    common_ = {.dataset = photos,
               .size = 16,
               .width = 2,
               .blocks = 1,
               .batch = 1,
               .budget = {.steps = 2},
               .device = Device::cpu};
  }
  // A loss each, with these seeds.
  std::vector<StudyRun> runs(const std::vector<std::string>& losses,
                             const std::vector<uint64_t>& seeds) const {
    std::vector<StudyRun> all;
    for (const uint64_t seed : seeds)
      for (const std::string& loss : losses) {
        all.push_back({.setting = {{"loss", loss}}, .options = common_, .command = {}});
        all.back().options.loss = loss;
        all.back().options.seed = seed;
      }
    return all;
  }
  std::string read(const std::filesystem::path& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::filesystem::path record(const std::string& run, const std::string& file) const {
    return folder_ / "records" / run / file;
  }

  TemporaryFolder temporary_;
  std::filesystem::path folder_;
  TrainingOptions common_;
};

}  // namespace dae::test
