// Laboratories of runs of two steps.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "laboratory/laboratory.h"
#include "runtime/parallel.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {

class LaboratoryTest : public testing::Test {
 protected:
  void SetUp() override {
    // A few tiny steps, which two tests at once would spend on waiting for threads.
    set_threads(1);
    setenv("XDG_CACHE_HOME", temporary_.file("cache").c_str(), 1);
    std::filesystem::create_directory(temporary_.file("photos"));
    for (uint64_t i = 0; i < 12; i++)
      save_png(temporary_.file("photos/leaf" + std::to_string(i) + ".png"),
               draw_dead_leaves(3, i, 40, 48));
    options_.setting = {.name = "tiny",
                        .size = 16,
                        .width = 2,
                        .batch = 1,
                        .steps = 2,
                        .seeds = 2,
                        .views = 1,
                        .judge_steps = 20,
                        .pca_crops = 1000,
                        .latents = {32},
                        .losses = {"l1"}};
    options_.dataset = temporary_.file("photos");
    options_.folder = temporary_.file("runs");
  }
  // Ends the training after so many runs.
  static std::function<bool()> after(int runs) {
    return [runs, asked = 0]() mutable { return asked++ == runs; };
  }

  TemporaryFolder temporary_;
  LabOptions options_;
  LabObserver nobody_;
};

}  // namespace dae::test
