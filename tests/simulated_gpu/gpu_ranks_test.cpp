// A step shared by ranks with a GPU each: the bits may not depend on how many there are, and one that loses its GPU
// ends all. Ranks are threads. Every test's name has `Simulated` in it, which is what its filter selects.
//
// Simulated GPU: without sanitizers (host threads are none of its stream's to ThreadSanitizer)
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/device.h"
#include "tests/simulated_gpu/simulator.h"
#include "tests/support/sharded_run.h"
#include "tests/support/thread_ranks.h"

namespace dae::test {
namespace {

TrainerConfig gpu_config(const char* loss, int64_t shards, DType dtype = DType::bf16) {
  TrainerConfig config = sharded_config(loss, shards, shards);
  config.device = Device::cuda;
  config.network.dtype = dtype;
  config.network.size = 16;
  return config;
}

void on_gpus(int ranks, const TrainerConfig& config, const std::function<void(Trainer&)>& leads) {
  const Pictures pictures;
  ThreadRanks::run(
      ranks,
      [&](Communicator& communicator) {
        GpuRanks gpus(communicator);
        TrainerConfig own = config;
        own.sharding.ranks = &communicator;
        own.sharding.gpus = &gpus;
        const auto trainer = make_trainer(own, pictures.sources);
        if (communicator.rank() > 0)
          trainer->follow();
        else
          leads(*trainer);
      },
      "node7");
}

// Ranks 0: nobody to meet.
Outcome train(const TrainerConfig& config, int ranks, int steps, const Checkpoint* from = nullptr) {
  if (ranks == 0) {
    const Pictures pictures;
    return outcome_of(*make_trainer(config, pictures.sources), steps, from, 2);
  }
  Outcome outcome;
  on_gpus(ranks, config, [&](Trainer& trainer) { outcome = outcome_of(trainer, steps, from, 2); });
  return outcome;
}

class SimulatedGpuRanks : public testing::Test {
 protected:
  SimulatedGpuRanks() {
    simulated::set_devices(4);
    simulated::settings().schedule = simulated::Schedule::latest;  // by far the quickest
  }
  ~SimulatedGpuRanks() override { simulated::mend(); }
};

// Seven steps: a pair that is enqueued, graphs of pairs, and one by itself.
TEST_F(SimulatedGpuRanks, AnyNumberGivesTheSameBits) {
  const TrainerConfig config = gpu_config("mse+0.1*ssim", 4);
  const Outcome alone = train(config, 0, 7);
  for (const int ranks : {1, 2, 4})
    EXPECT_TRUE(train(config, ranks, 7) == alone) << ranks << " ranks";
}

TEST_F(SimulatedGpuRanks, SoTheyDoInFloat32) {
  const TrainerConfig config = gpu_config("mse", 2, DType::f32);
  EXPECT_TRUE(train(config, 2, 5) == train(config, 0, 5));
}

// Of two branches each.
TEST_F(SimulatedGpuRanks, SixShardsOnTwoGiveTheSameBits) {
  const TrainerConfig config = gpu_config("mse", 6);
  EXPECT_TRUE(train(config, 2, 5) == train(config, 0, 5));
}

TEST_F(SimulatedGpuRanks, BitsDoNotDependOnTheSchedule) {
  const TrainerConfig config = gpu_config("mse", 2);
  const Outcome alone = train(config, 0, 5);
  for (const auto schedule : {simulated::Schedule::eager, simulated::Schedule::copies_first,
                              simulated::Schedule::random}) {
    simulated::settings().schedule = schedule;
    EXPECT_TRUE(train(config, 2, 5) == alone) << static_cast<int>(schedule);
  }
}

TEST_F(SimulatedGpuRanks, ARunGoesOnWithAnotherNumberOfThem) {
  const TrainerConfig config = gpu_config("mse", 4);
  const Outcome whole = train(config, 0, 7), begun = train(config, 4, 3),
                later = train(config, 2, 2, &begun.checkpoint),
                ended = train(config, 1, 2, &later.checkpoint);
  EXPECT_EQ(ended.checkpoint.weights, whole.checkpoint.weights);
  EXPECT_EQ(ended.checkpoint.ema, whole.checkpoint.ema);
  EXPECT_EQ(ended.checkpoint.moment2, whole.checkpoint.moment2);
}

TEST_F(SimulatedGpuRanks, ProfiledStepsAndWhatIsNotFiniteAreFollowed) {
  const TrainerConfig config = gpu_config("mse", 2);
  std::vector<float> weights;
  std::string found;
  const auto leads = [&](Trainer& trainer) {
    trainer.run(1);
    trainer.run_profiled();
    trainer.run(2);
    weights = trainer.checkpoint().weights;
    Checkpoint broken = trainer.checkpoint();
    for (float& weight : broken.weights) weight *= 1e30f;
    trainer.restore(broken);
    trainer.run(1);
    found = trainer.where_not_finite();
  };
  on_gpus(2, config, leads);
  EXPECT_NE(found.find("(rank 0 on node7); "), std::string::npos) << found;
  EXPECT_NE(found.find("(rank 1 on node7)"), std::string::npos) << found;
  const std::vector<float> of_two = weights;
  const Pictures pictures;
  leads(*make_trainer(config, pictures.sources));
  EXPECT_EQ(weights, of_two);
}

// The first of two exchanges a bucket waits for the steps that make it, and those after them make the others.
TEST_F(SimulatedGpuRanks, GradientsGoOutWhileOthersAreMade) {
  on_gpus(2, gpu_config("mse", 2), [&](const Trainer& trainer) {
    const Plan& plan = trainer.executor().plan();
    const Layout layout = lay_out(plan, false);
    int last_backward = 0, exchanges = 0, made = 0, early = 0, between = 0;
    for (const Step& step : plan.steps())
      if (step.op == kExchange) between = step.stream;
    for (size_t i = 0; i < plan.steps().size(); i++) {
      const Step& step = plan.steps()[i];
      if (step.phase == Phase::backward && step.stream != between)
        last_backward = static_cast<int>(i);
      if (step.op != kExchange) continue;
      EXPECT_GT(step.stream, 0);
      if (exchanges++ % 2 == 1) continue;
      const std::vector<int>& waits = layout.waits[i];
      const int waited = waits.empty() ? -1 : *std::max_element(waits.begin(), waits.end());
      EXPECT_GT(waited, made) << step.name;
      made = waited;
      if (made < last_backward) early++;
    }
    EXPECT_LE(exchanges, 2 * kBuckets);
    EXPECT_GE(early, 2);
  });
}

// What each of two ranks says when one's GPU breaks after so much work.
std::vector<std::string> said_when_one_breaks(int which, uint64_t works) {
  const Pictures pictures;
  std::vector<std::string> said(2, "nothing");
  const auto run = [&] {
    ThreadRanks::run(
        2,
        [&](Communicator& communicator) {
          try {
            GpuRanks gpus(communicator);
            TrainerConfig config = gpu_config("mse", 2);
            config.sharding.ranks = &communicator;
            config.sharding.gpus = &gpus;
            const auto trainer = make_trainer(config, pictures.sources);
            meet(communicator);
            if (communicator.rank() == which)
              simulated::fail_after(works, cudaErrorIllegalAddress, which);
            if (communicator.rank() > 0) return trainer->follow();
            for (int i = 0; i < 20; i++) trainer->run(2);
            trainer->take_mean_loss();
          } catch (const Error& error) {
            said[static_cast<size_t>(communicator.rank())] = error.what();
            throw;
          }
        },
        "node7");
  };
  EXPECT_THROW(run(), Error);
  simulated::mend();
  return said;
}

// At any moment: while pairs are enqueued one by one, in a graph, in the exchange and between.
TEST_F(SimulatedGpuRanks, OneThatLosesItsGpuEndsAll) {
  for (const int lost : {0, 1})
    for (uint64_t works = 20; works < 1000; works += 290) {
      const std::vector<std::string> said = said_when_one_breaks(lost, works);
      const size_t one = static_cast<size_t>(lost), other = 1 - one;
      EXPECT_NE(said[one].find("the GPU cannot go on"), std::string::npos) << said[one];
      EXPECT_EQ(said[other], "rank " + std::to_string(lost) + " on node7 is gone") << works;
    }
}

}  // namespace
}  // namespace dae::test
