// Trainings that take moments, as other programs start them, and what their observer is told.
#pragma once

#include <dae/training.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "data/image.h"
#include "data/synthetic.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Witness : TrainingObserver {
  std::vector<std::string> prepared, notes, warnings;
  std::vector<TrainingStart> starts;
  std::vector<TrainingProgress> progress;
  std::vector<MetricsRow> rows;
  std::vector<std::filesystem::path> samples, checkpoints;
  std::function<void()> on_progress = [] {};

  void preparing(const std::string& what, size_t, size_t) override { prepared.push_back(what); }
  void noted(const std::string& line) override { notes.push_back(line); }
  void warned(const std::string& text) override { warnings.push_back(text); }
  void started(const TrainingStart& start) override { starts.push_back(start); }
  void progressed(const TrainingProgress& now) override {
    progress.push_back(now);
    on_progress();
  }
  void measured(const MetricsRow& row) override { rows.push_back(row); }
  void sampled(const std::filesystem::path& picture) override { samples.push_back(picture); }
  void saved(uint64_t, const std::filesystem::path& checkpoint) override {
    checkpoints.push_back(checkpoint);
  }
};

class TrainingRun : public testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CACHE_HOME", folder_.file("cache").c_str(), 1);
    std::filesystem::create_directory(folder_.file("photos"));
    for (uint64_t i = 0; i < 5; i++)
      save_png(folder_.file("photos/leaf" + std::to_string(i) + ".png"),
               draw_dead_leaves(3, i, 40, 48));
  }
  TrainingOptions options(const std::string& out, int64_t steps) const {
    TrainingOptions options;
    options.dataset = folder_.file("photos");
    options.out = folder_.file(out);
    options.size = 16;
    options.batch = 2;
    options.width = 4;
    options.blocks = 1;
    options.device = Device::cpu;
    options.budget = {.steps = steps};
    return options;
  }
  // The folder "dark": the first `count` photos, half as bright.
  void make_dark(int count) const {
    std::filesystem::create_directory(folder_.file("dark"));
    for (int i = 0; i < count; i++) {
      const std::string name = "/leaf" + std::to_string(i) + ".png";
      Image picture = load_image(folder_.file("photos") + name);
      for (uint8_t& value : picture.pixels) value = static_cast<uint8_t>(value / 2);
      save_png(folder_.file("dark") + name, picture);
    }
  }
  std::string checkpoint(const std::string& out) const {
    return read(folder_.file(out + "/checkpoint.safetensors"));
  }

  TemporaryFolder folder_;
};

}  // namespace dae::test
