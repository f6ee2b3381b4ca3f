// What is said of runs that are compared: their names, and the corruption that they meet.
#include "laboratory/comparison.h"

#include <dae/training.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/synthetic.h"
#include "runtime/parallel.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

// A run of two steps on six pictures, in two folders of one name.
class Comparison : public testing::Test {
 protected:
  void SetUp() override {
    set_threads(1);
    setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
    fs::create_directory(path("photos"));
    for (uint64_t i = 0; i < 6; i++)
      save_png(path("photos/leaf" + std::to_string(i) + ".png"), draw_dead_leaves(3, i, 40, 48));
    train({.dataset = path("photos"),
           .size = 16,
           .width = 2,
           .blocks = 1,
           .batch = 1,
           .budget = {.steps = 2},
           .device = Device::cpu,
           .out = path("one/run")});
    fs::create_directory(path("other"));
    fs::copy(path("one/run"), path("other/run"), fs::copy_options::recursive);
  }
  BlurPage compare(float noise, const std::string& dataset = "photos") const {
    return compare_runs(
        {.runs = {path("one/run"), path("other/run")},
         .dataset = path(dataset),
         .views = 1,
         .judge_steps = 2,
         .corruption =
             [noise](CorruptSpec its) {
               its.noise.high = noise;
               return its;
             },
         .open = [](const std::string& at,
                    int64_t max_side) { return open_dataset(at, {.max_side = max_side}); },
         .progress = [](const std::string&) {}},
        Device::cpu);
  }
  std::string path(const std::string& name) const { return temporary_.file(name); }
  // Of the pictures that the run has seen.
  std::string left_out(const BlurPage& page) const {
    return fmt::format("Left out: {} pictures of {} that a run was trained on.",
                       6 - pictures_of(page.material.views), path("photos"));
  }

  TemporaryFolder temporary_;
};

TEST_F(Comparison, TellsRunsOfOneNameApartByTheirPaths) {
  const BlurPage page = compare(50);  // as they were trained
  ASSERT_EQ(page.runs.size(), 2u);
  EXPECT_EQ(page.runs[0].name, "run");
  EXPECT_EQ(page.runs[1].name, path("other/run"));
  EXPECT_EQ(page.notes, std::vector{left_out(page)});
}

TEST_F(Comparison, SaysWhichRunsMeetAnotherCorruption) {
  const BlurPage page = compare(20);
  EXPECT_EQ(page.material.corruption.noise, (Range{0, 20}));
  std::vector<std::string> notes;
  for (const char* const run : {"one/run", "other/run"})
    notes.push_back(path(run) + " was trained for another corruption than it meets here.");
  notes.push_back(left_out(page));
  EXPECT_EQ(page.notes, notes);
}

// Views are of 16x16 pixels.
TEST_F(Comparison, LeavesOutPicturesThatAreSmallerThanAView) {
  fs::create_directory(path("small"));
  save_png(path("small/fits.png"), draw_dead_leaves(3, 6, 16, 16));
  save_png(path("small/low.png"), draw_dead_leaves(3, 7, 15, 16));
  const BlurPage page = compare(50, "small");
  EXPECT_EQ(pictures_of(page.material.views), 1);
  EXPECT_EQ(page.notes,
            std::vector{"Left out: 1 pictures of " + path("small") + " smaller than 16x16."});
}

}  // namespace
}  // namespace dae::test
