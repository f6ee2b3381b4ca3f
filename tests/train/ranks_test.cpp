// A step shared by ranks, here threads of this process: the bits may not depend on how many there are.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "corrupt/corrupted_view.h"
#include "restore/view_restorer.h"
#include "tests/support/said.h"
#include "tests/support/sharded_run.h"
#include "tests/support/thread_ranks.h"
#include "train/validation.h"

namespace dae::test {
namespace {

Outcome train(const TrainerConfig& config, int ranks, int steps, const Checkpoint* from = nullptr) {
  const Pictures pictures;
  if (ranks == 0) return outcome_of(*make_trainer(config, pictures.sources), steps, from);
  Outcome outcome;
  ThreadRanks::run(ranks, [&](Communicator& communicator) {
    TrainerConfig own = config;
    own.sharding.ranks = &communicator;
    const auto trainer = make_trainer(own, pictures.sources);
    if (communicator.rank() > 0)
      trainer->follow();
    else
      outcome = outcome_of(*trainer, steps, from);
  });
  return outcome;
}

// Of two branches a rank, of one, of a shard each, and of more than a machine has cores.
TEST(Ranks, AnyNumberGivesTheSameBits) {
  const auto expect_same = [](int64_t shards, const std::vector<int>& numbers) {
    const TrainerConfig config = sharded_config("mse+0.1*ssim", shards);
    const Outcome alone = train(config, 0, 3);
    for (const int ranks : numbers)
      EXPECT_TRUE(train(config, ranks, 3) == alone) << shards << " shards on " << ranks << " ranks";
  };
  expect_same(2, {1, 2});
  expect_same(6, {2, 3});
  expect_same(12, {4, 12});
}

TEST(Ranks, ARunGoesOnWithAnotherNumberOfThem) {
  const TrainerConfig config = sharded_config("mse", 6);
  const Outcome whole = train(config, 0, 7), half = train(config, 3, 4);
  const Outcome rest = train(config, 2, 3, &half.checkpoint);
  EXPECT_EQ(rest.checkpoint.weights, whole.checkpoint.weights);
  EXPECT_EQ(rest.checkpoint.ema, whole.checkpoint.ema);
  EXPECT_EQ(rest.checkpoint.moment2, whole.checkpoint.moment2);
}

// The mean over the shards is the mean over the batch but for roundings: one step of Adam from the same
// weights has the sign of every gradient that is not one of those.
TEST(Ranks, ShardsLearnWhatABatchDoes) {
  for (const char* loss : {"mse", "l1+0.1*ms_ssim+0.01*dct"}) {
    TrainerConfig config = sharded_config(loss, 1);
    config.network.size = 64;
    const Outcome batch = train(config, 0, 1);
    config.sharding.shards = 3;
    const Outcome shards = train(config, 0, 1);
    EXPECT_NEAR(shards.loss, batch.loss, 1e-6 * batch.loss);
    EXPECT_NEAR(shards.checkpoint.state.gradient_norm, batch.checkpoint.state.gradient_norm,
                1e-4f * batch.checkpoint.state.gradient_norm);
    ASSERT_EQ(shards.terms.size(), batch.terms.size());
    for (size_t i = 0; i < batch.terms.size(); i++)
      EXPECT_NEAR(shards.terms[i], batch.terms[i], (i % 2 == 0 ? 1e-6 : 1e-5) * batch.terms[i]);
    double difference = 0, norm = 0;
    for (size_t i = 0; i < batch.checkpoint.moment1.size(); i++) {
      const double want = batch.checkpoint.moment1[i], got = shards.checkpoint.moment1[i];
      difference += (got - want) * (got - want);
      norm += want * want;
    }
    EXPECT_GT(norm, 0);
    EXPECT_LT(std::sqrt(difference / norm), 1e-4) << loss;
  }
}

std::string found_with_huge_weights(Trainer& trainer) {
  Checkpoint broken = trainer.checkpoint();
  for (float& weight : broken.weights) weight *= 1e30f;
  trainer.restore(broken);
  trainer.run(1);
  return trainer.where_not_finite();
}

TEST(Ranks, WhoeverFindsWhatIsNotFiniteIsNamed) {
  const Pictures pictures;
  ThreadRanks::run(2, [&](Communicator& communicator) {
    TrainerConfig config = sharded_config("mse", 2);
    config.sharding.ranks = &communicator;
    const auto trainer = make_trainer(config, pictures.sources);
    if (communicator.rank() > 0) return trainer->follow();
    trainer->run(1);
    EXPECT_EQ(trainer->where_not_finite(), "");
    const std::string found = found_with_huge_weights(*trainer);
    EXPECT_NE(found.find("(rank 0 on machine0); "), std::string::npos) << found;
    EXPECT_NE(found.find("(rank 1 on machine1)"), std::string::npos) << found;
  });
}

// Black pictures stay finite under weights that nothing else does. The rank that has them goes no further
// than to where it would meet the other, which has stopped before.
TEST(Ranks, ARankThatFindsNothingDoesNotWaitForOneThatDoes) {
  Pictures pictures, black;
  for (Image& image : black.images) std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{0});
  ThreadRanks::run(2, [&](Communicator& communicator) {
    TrainerConfig config = sharded_config("mse", 2);
    config.corruption = no_corruption();
    config.sharding.ranks = &communicator;
    const bool follows = communicator.rank() > 0;
    const auto trainer = make_trainer(config, follows ? pictures.sources : black.sources);
    if (follows) return trainer->follow();
    const std::string found = found_with_huge_weights(*trainer);
    EXPECT_EQ(found.find("rank 0"), std::string::npos) << found;
    EXPECT_NE(found.find("(rank 1 on machine1)"), std::string::npos) << found;
  });
}

TEST(Ranks, SchedulesAndProfiledStepsAreFollowed) {
  const Pictures pictures;
  const auto train_so = [&](int ranks) {
    std::vector<float> weights;
    const auto run = [&](Communicator* communicator) {
      TrainerConfig config = sharded_config("mse", 2);
      config.sharding.ranks = communicator;
      const auto trainer = make_trainer(config, pictures.sources);
      if (communicator && communicator->rank() > 0) return trainer->follow();
      trainer->run(2);
      trainer->set_schedule({.peak = 5e-3, .warmup = 1, .total = 9});
      trainer->run_profiled();
      trainer->run(1);
      weights = trainer->checkpoint().weights;
      trainer->reset({.peak = 2e-3, .warmup = 1, .total = 9});
      trainer->run(1);
      trainer->run(1);
      for (const float weight : trainer->checkpoint().weights) weights.push_back(weight);
    };
    if (ranks == 0)
      run(nullptr);
    else
      ThreadRanks::run(ranks, [&](Communicator& communicator) { run(&communicator); });
    return weights;
  };
  EXPECT_EQ(train_so(0), train_so(2));
}

// Of 64 views in batches of 16: more batches than ranks, as many, and a rank that has none.
TEST(Ranks, AValidationIsSharedOut) {
  const Pictures pictures;
  const auto validated = [&](int ranks, std::vector<int>* took_part) {
    double psnr = 0;
    const auto validate = [&](Communicator* communicator) {
      TrainerConfig config = sharded_config("mse", 12);
      config.sharding.ranks = communicator;
      Validation validation(config.device, config.network, config.corruption, pictures.sources,
                            communicator);
      const auto trainer = make_trainer(config, pictures.sources,
                                        {validation.arena_bytes(), validation.own_bytes()});
      validation.attach(trainer->arena(), trainer->arena_bytes(), trainer->ema());
      if (communicator && communicator->rank() > 0)
        return trainer->follow([&](const Trainer::Shared& shared) {
          EXPECT_EQ(shared.work, Trainer::Shared::Work::validation);
          (*took_part)[static_cast<size_t>(communicator->rank())]++;
          validation.psnr();
        });
      trainer->announce({Trainer::Shared::Work::validation});
      psnr = validation.psnr();
    };
    if (ranks == 0)
      validate(nullptr);
    else
      ThreadRanks::run(ranks, [&](Communicator& communicator) { validate(&communicator); });
    return psnr;
  };
  const double alone = validated(0, nullptr);
  for (const int ranks : {1, 2, 3, 4, 6}) {
    std::vector<int> took_part(static_cast<size_t>(ranks));
    EXPECT_EQ(validated(ranks, &took_part), alone) << ranks;
    EXPECT_EQ(std::count(took_part.begin() + 1, took_part.end(), 1), ranks - 1);
  }
}

// Each batch is somebody's and nobody else's, and what was noted of it comes to rank 0.
TEST(Ranks, ViewsAreDealtOut) {
  const Pictures pictures;
  const TrainerConfig config = sharded_config("mse", 1);
  const std::vector<View> views = fixed_views(pictures.sources, 32, 8, 37, 1);
  const std::vector<Draw> draws = fixed_draws(config.corruption, 1, pictures.sources, 32, views);
  std::array<std::vector<int64_t>, 3> whose;
  ThreadRanks::run(3, [&](Communicator& ranks) {
    ParameterSet own;
    ViewRestorer restorer(Device::cpu, config.network, own, flags_of(config.corruption), 8, 32, 32);
    const Buffer arena(Device::cpu, restorer.arena_bytes());
    const std::vector<float> weights(static_cast<size_t>(own.count()));
    restorer.attach(arena.data(), arena.bytes(), weights.data(), pictures.sources);
    std::vector<int64_t> notes(draws.size(), -1);
    restorer.run(
        draws,
        [&](size_t first, const ViewRestorer::Views& batch) {
          for (int64_t i = 0; i < batch.count; i++)
            notes[first + static_cast<size_t>(i)] = ranks.rank();
        },
        &ranks);
    const auto done = std::count(notes.begin(), notes.end(), ranks.rank());
    EXPECT_EQ(done, ranks.rank() == 0 ? 16 : ranks.rank() == 1 ? 13 : 8);  // of 37 in eights
    restorer.collect(notes, &ranks);
    whose[static_cast<size_t>(ranks.rank())] = notes;
  });
  for (size_t i = 0; i < draws.size(); i++)
    EXPECT_EQ(whose[0][i], static_cast<int64_t>(i / 8 % 3)) << i;
}

TEST(Ranks, ARankThatIsLostInAValidationIsNamed) {
  const Pictures pictures;
  try {
    ThreadRanks::run(2, [&](Communicator& communicator) {
      TrainerConfig config = sharded_config("mse", 2);
      config.sharding.ranks = &communicator;
      Validation validation(config.device, config.network, config.corruption, pictures.sources,
                            &communicator);
      const auto trainer = make_trainer(config, pictures.sources,
                                        {validation.arena_bytes(), validation.own_bytes()});
      validation.attach(trainer->arena(), trainer->arena_bytes(), trainer->ema());
      if (communicator.rank() > 0)
        return trainer->follow([](const Trainer::Shared&) { fail("its machine is off"); });
      trainer->announce({Trainer::Shared::Work::validation});
      validation.psnr();
    });
    FAIL() << "nobody missed it";
  } catch (const RankLost& lost) {
    EXPECT_STREQ(lost.what(), "rank 1 on machine1 is gone");
  }
}

TEST(Ranks, UnequalPartsAreRefused) {
  const Pictures pictures;
  const auto refused = [&](const TrainerConfig& config) {
    return said<FieldError>([&] { make_trainer(config, pictures.sources); });
  };
  EXPECT_EQ(refused(sharded_config("mse", 5)),
            "batch 12: give a multiple of 5, the number of shards");
  EXPECT_EQ(refused(sharded_config("mse", 0)), "shards 0: give 1 to 64");
  EXPECT_EQ(refused(sharded_config("mse", 65, 130)), "shards 65: give 1 to 64");
  ThreadRanks::run(2, [&](Communicator& communicator) {
    TrainerConfig config = sharded_config("mse", 3);
    config.sharding.ranks = &communicator;
    EXPECT_EQ(refused(config),
              "shards 3: 2 ranks cannot share them equally; launch as many as divide them, or "
              "begin a run "
              "with a multiple of 2");
  });
}

}  // namespace
}  // namespace dae::test
