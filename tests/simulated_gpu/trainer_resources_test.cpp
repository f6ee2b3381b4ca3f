// What a training run takes of a GPU: what it says before, what it does when there is too little,
// nothing more once it runs, how long it waits for pictures, and how it ends when the GPU breaks.
//
// Simulated GPU: without sanitizers (it counts memory and work, of which those need more)
#include <gtest/gtest.h>

#include <regex>

#include "data/synthetic.h"
#include "restore/restorer.h"
#include "restore/view_restorer.h"
#include "runtime/device.h"
#include "tests/simulated_gpu/allocations.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/said.h"
#include "tests/support/training_run.h"
#include "train/trainer.h"

namespace dae::test {
namespace {

class SimulatedTrainer : public testing::Test {
 protected:
  void SetUp() override {
    for (uint64_t i = 0; i < 4; i++) images_.push_back(draw_dead_leaves(5, i, 30 + 9 * i, 50));
    for (const Image& image : images_)
      sources_.push_back({image.pixels.data(), 3 * image.width, static_cast<int32_t>(image.height),
                          static_cast<int32_t>(image.width)});
    config_.device = Device::cuda;
    config_.network = {.size = 8, .width = 1, .blocks = 1, .global = false};
    config_.batch = 2;
  }

  std::unique_ptr<Trainer> make(const ValidationNeed& validation = {}) const {
    return make_trainer(config_, sources_, validation);
  }
  // Leaves the GPU with so much free memory.
  static void leave(size_t bytes) {
    simulated::set_capacity(simulated::kCapacity);
    const size_t taken = simulated::kCapacity - free_memory(Device::cuda);
    simulated::set_capacity(taken + bytes);
  }
  std::string refusal() const {
    return said<OutOfMemory>([&] { make(); });
  }

  std::vector<Image> images_;
  std::vector<Source> sources_;
  TrainerConfig config_;
};

TEST_F(SimulatedTrainer, TakesWhatItSaysItWill) {
  for (const auto& [share, pairs] :
       {std::pair{1.0, false}, {0.0, false}, {1.0, true}, {0.0, true}}) {
    SCOPED_TRACE(testing::Message() << share << ' ' << pairs);
    config_.resident_share = share;
    for (Source& source : sources_) source.given = pairs ? source.pixels : nullptr;
    ParameterSet parameters;
    ViewRestorer restorer(Device::cuda, config_.network, parameters, {}, 3, 8, 8);
    const size_t before = free_memory(Device::cuda);
    const auto trainer = make({restorer.arena_bytes(), restorer.own_bytes(sources_)});
    restorer.attach(trainer->arena(), trainer->arena_bytes(), trainer->ema(), sources_);
    EXPECT_EQ(before - free_memory(Device::cuda), trainer->memory().total());
    EXPECT_EQ(trainer->memory().resident, share > 0);
    trainer->run(2);
    trainer->run(2);
    EXPECT_EQ(before - free_memory(Device::cuda), trainer->memory().total());
  }
}

size_t pinned_bytes() {
  size_t bytes = 0;
  for (const auto& [mapping, allocation] : simulated::allocations())
    if (allocation.pinned) bytes += allocation.bytes;
  return bytes;
}

// Of a sum each shard leaves several losses a step.
TEST_F(SimulatedTrainer, PinsWhatItSaysItWill) {
  config_.loss = parse_loss("mse+0.1*l1");
  config_.sharding.shards = 2;
  for (const auto& [share, pairs] :
       {std::pair{1.0, false}, {0.0, false}, {1.0, true}, {0.0, true}}) {
    SCOPED_TRACE(testing::Message() << share << ' ' << pairs);
    config_.resident_share = share;
    for (Source& source : sources_) source.given = pairs ? source.pixels : nullptr;
    const size_t before = pinned_bytes();
    const auto trainer = make();
    EXPECT_EQ(pinned_bytes() - before, trainer->memory().pinned);
    trainer->run(2);
    trainer->run(2);
    EXPECT_EQ(pinned_bytes() - before, trainer->memory().pinned);
  }
}

TEST_F(SimulatedTrainer, KeepsPhotographsThereWhenTheyFitIntoTheShare) {
  const MemoryNeed need = make()->memory();
  ASSERT_TRUE(need.resident);
  const size_t others = need.total() - need.photographs;
  // Of what others leave, photographs may take half; a sixteenth of all is left alone.
  leave((others + 2 * need.photographs + 1024) * 16 / 15);
  EXPECT_TRUE(make()->memory().resident);
  leave((others + 2 * need.photographs - 1024) * 16 / 15);
  EXPECT_FALSE(make()->memory().resident);
}

TEST_F(SimulatedTrainer, RefusesNamingTheLargestBatchThatFits) {
  config_.batch = 5;
  config_.resident_share = 0;
  const size_t need = make()->memory().total();
  leave(need * 16 / 15 + 16);
  const size_t before = free_memory(Device::cuda);
  config_.batch = 64;
  const std::string words = refusal();
  EXPECT_NE(words.find("batch 64: "), std::string::npos) << words;
  EXPECT_NE(words.find("the largest batch that fits is 5"), std::string::npos) << words;
  EXPECT_EQ(free_memory(Device::cuda), before) << "it was found without allocating";
  config_.batch = 6;
  EXPECT_NE(refusal(), "accepted");
  config_.batch = 5;
  EXPECT_EQ(refusal(), "accepted");
  leave(1000);
  EXPECT_NE(refusal().find("no batch fits"), std::string::npos) << refusal();
}

TEST_F(SimulatedTrainer, MakesNothingOnceItRuns) {
  for (const double share : {1.0, 0.0}) {
    config_.resident_share = share;
    ParameterSet parameters;
    ViewRestorer restorer(Device::cuda, config_.network, parameters, {}, 3, 8, 8);
    const auto trainer = make({restorer.arena_bytes(), restorer.own_bytes(sources_)});
    restorer.attach(trainer->arena(), trainer->arena_bytes(), trainer->ema(), sources_);
    const auto steps_and_validation = [&] {
      for (const int at_most : {2, 2, 1, 2}) trainer->run(at_most);
      trainer->take_mean_loss();
      int views = 0;
      restorer.run(std::vector<Draw>(4), [&](size_t, const ViewRestorer::Views& batch) {
        views += static_cast<int>(batch.count);
      });
      EXPECT_EQ(views, 4);
    };
    steps_and_validation();  // captures the graph
    const uint64_t before = simulated::resources_made();
    steps_and_validation();
    steps_and_validation();
    EXPECT_EQ(simulated::resources_made(), before);
    { const Buffer one(Device::cuda, 1); }
    EXPECT_EQ(simulated::resources_made(), before + 1) << "the counter sees an allocation";
  }
}

TEST_F(SimulatedTrainer, RestoringPicturesOfManySizesTakesNoMoreThanTheLargest) {
  const auto trainer = make();
  Restorer restorer(Device::cuda, config_.network, trainer->parameters(), trainer->ema());
  const auto free_after = [&](int64_t height, int64_t width) {
    const std::vector<float> grey(static_cast<size_t>(3 * height * width));
    restorer.restore({grey.data(), height, width});
    return free_memory(Device::cuda);
  };
  free_after(64, 48);
  const size_t free = free_after(48, 64);  // both as large
  for (int64_t side = 8; side <= 40; side += 8) free_after(side, side);
  EXPECT_GT(free_after(8, 8), free);
  free_after(64, 48);
  EXPECT_EQ(free_after(48, 64), free);
}

// A network without a gain would have room for two pictures' tiles where there is memory for one.
TEST_F(SimulatedTrainer, RestoringStaysWithinItsMemory) {
  for (const bool global : {true, false}) {
    NetworkConfig network = config_.network;
    network.global = global;
    const ParameterSet parameters = parameters_of(network);
    const std::vector<float> weights(static_cast<size_t>(parameters.count()));
    constexpr size_t kMemory = 3 << 20;
    const size_t before = free_memory(Device::cuda);
    Restorer restorer(Device::cuda, network, parameters, weights.data(), kMemory);
    const size_t opened = before - free_memory(Device::cuda);
    for (const auto& [height, width] :
         {std::pair<int64_t, int64_t>{90, 200}, {200, 90}, {64, 64}}) {
      const std::vector<float> grey(static_cast<size_t>(3 * height * width));
      restorer.restore({grey.data(), height, width});
      EXPECT_LE(before - free_memory(Device::cuda), opened + kMemory) << height << global;
      EXPECT_GT(before - free_memory(Device::cuda), opened) << "nothing is kept";
    }
  }
}

// By the simulated clock any two points lie a microsecond apart, so this counts the gaps that are timed: between steps
// that follow each other, and none while nobody asks for a step.
TEST_F(SimulatedTrainer, WaitsBetweenStepsThatFollowEachOther) {
  const auto trainer = make();
  for (int i = 0; i < 6; i++) trainer->run(2);
  trainer->take_mean_loss();
  EXPECT_NEAR(trainer->seconds_waited(), 5e-6, 1e-9);
  for (int i = 0; i < 3; i++) trainer->run(1);
  trainer->take_mean_loss();
  EXPECT_NEAR(trainer->seconds_waited(), 7e-6, 1e-9);
  trainer->run_profiled();
  EXPECT_GT(trainer->seconds_waited(), 7e-6);
}

class SimulatedRun : public TrainingRun {};

// With nothing beside it: what prepares a batch of 16 takes about half of a profiled step here, whatever the host's
// speed.
TEST_F(SimulatedRun, SaysHowMuchOfItsTimeItWaitedForPictures) {
  TrainingOptions profiled = options("run", 1);
  profiled.device = Device::cuda;
  profiled.size = 8;
  profiled.batch = 16;
  profiled.width = profiled.levels = 1;
  profiled.global = false;
  profiled.profile = true;
  const std::string table = train(profiled).profile;
  std::smatch percent;
  ASSERT_TRUE(std::regex_search(table, percent,
                                std::regex(R"(\nwaited for pictures: ([0-9.]+)% of the time\n$)")))
      << table;
  EXPECT_GT(std::stod(percent[1]), 1);
  EXPECT_LE(std::stod(percent[1]), 100);
}

// At any moment: in the first, uncaptured pair, while photographs are uploaded, in a replay.
TEST_F(SimulatedTrainer, ABrokenGpuEndsTheRunAndNothingElse) {
  for (const uint64_t works : {0, 5, 60, 500, 1500}) {
    {
      simulated::fail_after(works, cudaErrorECCUncorrectable);
      std::unique_ptr<Trainer> trainer;
      try {
        trainer = make();
        for (int i = 0; i < 20; i++) trainer->run(2);
        trainer->take_mean_loss();
        ADD_FAILURE() << "the GPU had more than " << works << " pieces of work and did not break";
      } catch (const DeviceLost& error) {
        EXPECT_NE(std::string(error.what()).find("uncorrectable ECC error"), std::string::npos)
            << error.what();
      }
      if (trainer) {
        EXPECT_THROW(trainer->checkpoint(), DeviceLost);
      }
    }
    simulated::mend();
  }
  EXPECT_TRUE(simulated::take_findings().empty());
  auto trainer = make();
  trainer->run(2);
  EXPECT_TRUE(std::isfinite(trainer->take_mean_loss()));
}

}  // namespace
}  // namespace dae::test
