// What a run tells and leaves while it trains. Its times are held between those of two clocks: one
// began before it and one after.
#include "train/run_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tests/support/said.h"
#include "tests/support/training_run.h"

namespace dae::test {
namespace {

// A trainer without steps, whose losses are told.
class ToldLosses final : public Trainer {
 public:
  explicit ToldLosses(const TrainerConfig& config) : Trainer(config, {}) {}
  void add(float loss) { note_loss({&loss, 1}); }
  double seconds_waited() const override { return 0; }

 private:
  MemoryNeed need_of_plans(bool) const override { return {}; }
  void attach() override {}
  const StepProgram& step() const override { fail("it has none"); }
  int take_steps(uint64_t, int) override { return 0; }
  void take_profiled_step(uint64_t) override {}
  std::optional<Executor::NotFinite> take_checked_step(uint64_t, size_t) override { return {}; }
  void finish() override {}
};

class RunLogTest : public testing::Test {
 protected:
  RunLogTest() {
    config_.network = {.size = 16, .width = 2, .blocks = 1};
    config_.batch = kBatch;
    for (uint64_t i = 0; i < 2; i++) images_.push_back(draw_dead_leaves(3, i, 40, 48));
    for (const Image& image : images_) sources_.push_back(source_of(image.view()));
    validation_ =
        std::make_unique<Validation>(Device::cpu, config_.network, config_.corruption, sources_);
    trainer_ =
        make_trainer(config_, sources_, {validation_->arena_bytes(), validation_->own_bytes()});
    validation_->attach(trainer_->arena(), trainer_->arena_bytes(), trainer_->ema());
  }
  // Whose steps and rows are those of a run of a thousand steps, each third of which has a row.
  RunLog log(const Reached& reached = {}, double save_every = 1e9, uint64_t validate_every = 500) {
    return {*trainer_,
            *validation_,
            run_,
            witness_,
            {.reached = reached,
             .last_step = 1000,
             .validate_every = validate_every,
             .batch = kBatch,
             .save_every = save_every}};
  }
  void leave_out(uint64_t updates) {
    Checkpoint checkpoint = trainer_->checkpoint();
    checkpoint.state.skipped = updates;
    trainer_->restore(checkpoint);
  }

  static constexpr int64_t kBatch = 2;
  TrainerConfig config_;
  std::vector<Image> images_;
  std::vector<Source> sources_;
  std::unique_ptr<Validation> validation_;
  std::unique_ptr<Trainer> trainer_;
  TemporaryFolder folder_;
  RunFolder run_ = RunFolder::create(folder_.file("run"), nlohmann::json::object(), {}, {});
  Witness witness_;
};

TEST_F(RunLogTest, RowsAreDueAtValidationsToo) {
  const RunLog made = log({}, 1e9, 50);
  for (const auto& [step, next] : {std::pair<uint64_t, uint64_t>{0, 3},
                                   {46, 48},
                                   {48, 50},
                                   {50, 51},
                                   {98, 99},
                                   {99, 100},
                                   {998, 999},
                                   {999, 1000}})
    EXPECT_EQ(made.next_row(step), next) << "after step " << step;
}

// Of this session: 50 steps are left after 10.
TEST_F(RunLogTest, TheTimeThatIsLeftIsThatOfAStepTimesThoseLeft) {
  const Elapsed before;
  RunLog made = log({.step = 940});
  const Elapsed after;
  while (after.seconds() < 0.02) {
  }
  const double least = after.seconds() / 10 * 50;
  made.stepped(950, 0);
  const double most = before.seconds() / 10 * 50;
  ASSERT_EQ(witness_.progress.size(), 1u);
  EXPECT_GE(witness_.progress[0].seconds_left, least);
  EXPECT_LE(witness_.progress[0].seconds_left, most);
}

TEST_F(RunLogTest, TheLatestSpeedAndValidationAreTold) {
  RunLog made = log({}, 1e9, 3);
  for (uint64_t step = 1; step <= 6; step++) {
    trainer_->run(1);
    made.stepped(step, 50);
    made.end_row(step, false);
  }
  ASSERT_EQ(witness_.progress.size(), 6u);
  ASSERT_EQ(witness_.rows.size(), 6u);
  EXPECT_EQ(witness_.progress[0].images_per_second, 0) << "not known yet";
  for (size_t i = 0; i < 6; i++) {
    EXPECT_EQ(witness_.rows[i].validation_psnr.has_value(), i == 2 || i == 5) << i;
    EXPECT_EQ(witness_.progress[i].validation_psnr.has_value(), i >= 3) << i;
    if (i >= 3) {
      EXPECT_EQ(witness_.progress[i].validation_psnr, witness_.rows[2].validation_psnr) << i;
    }
    if (i > 0) {
      EXPECT_EQ(witness_.progress[i].images_per_second, witness_.rows[i - 1].images_per_second);
    }
  }
}

// A run that goes on between two rows: of the two steps of its first row one was made before, in
// another session's time. What steps take is told here; what a row waits besides is bounded.
TEST_F(RunLogTest, SpeedIsThatOfTheStepsOfThisSession) {
  RunLog made = log({.step = 7, .row = 6});
  const Elapsed watch;
  made.stepped(8, 100);
  made.end_row(8, false);
  made.stepped(9, 100);
  made.stepped(10, 100);
  made.end_row(10, false);
  ASSERT_EQ(witness_.rows.size(), 2u);
  for (size_t row = 0; row < 2; row++) {
    const double images = 2.0 * double(row + 1), seconds = 100.0 * double(row + 1);
    EXPECT_LE(witness_.rows[row].images_per_second, images / seconds);
    EXPECT_GE(witness_.rows[row].images_per_second, images / (seconds + watch.seconds()));
  }
}

TEST_F(RunLogTest, SavesEachTimeItsSecondsAreOver) {
  constexpr double kSaveEvery = 0.3;
  log().save_if_due();
  EXPECT_EQ(witness_.checkpoints.size(), 0u) << "there are 1e9 seconds";
  const Elapsed watch;
  RunLog made = log({}, kSaveEvery);
  Elapsed since;  // began before what was saved first
  while (witness_.checkpoints.empty()) {
    since = {};
    made.save_if_due();
  }
  EXPECT_GT(watch.seconds(), kSaveEvery);
  made.save_if_due();
  if (witness_.checkpoints.size() > 1) {
    EXPECT_GT(since.seconds(), kSaveEvery) << "not yet due";
  }
  while (witness_.checkpoints.size() < 2) made.save_if_due();
}

// Updates that could not be made end a run once they are twenty in a row; one that could begins
// their count again.
TEST_F(RunLogTest, NothingIsTrainedForLongThatDoesNotChange) {
  RunLog made = log({.step = 7, .row = 6});
  leave_out(1);
  made.end_row(8, false);
  leave_out(19);
  made.end_row(26, false);
  leave_out(20);
  EXPECT_EQ(said([&] { made.end_row(27, false); }),
            "the last 20 updates up to step 27 could not be made, since their gradients were not "
            "finite; " +
                run_.path().string() + " has no checkpoint yet. Try a smaller learning rate");
  RunLog other = log();
  leave_out(19);
  other.end_row(19, false);
  other.end_row(20, false);
  leave_out(38);
  EXPECT_EQ(said([&] { other.end_row(39, false); }), "accepted");
}

// Spikes of a hundred times what is usual, and more, are survived.
TEST_F(RunLogTest, ALossOfMoreThanTenThousandTimesTheFirstEndsARun) {
  ToldLosses trainer(config_);
  RunLog made(trainer, *validation_, run_, witness_,
              {.reached = {},
               .last_step = 1000,
               .validate_every = 500,
               .batch = kBatch,
               .save_every = 1e9});
  const auto stepped = [&](uint64_t step, float loss) {
    trainer.add(loss);
    return said([&] { made.stepped(step, 0); });
  };
  EXPECT_EQ(stepped(1, 2), "accepted");
  EXPECT_EQ(stepped(2, 18000), "accepted");
  EXPECT_EQ(stepped(3, 22000),
            "the training has come apart by step 3: its loss is 22000, after 2 at first; " +
                run_.path().string() + " has no checkpoint yet. Try a smaller learning rate");
}

TEST_F(RunLogTest, WhatIsKeptIsSaidOfTheFolder) {
  const std::string folder = run_.path().string();
  EXPECT_EQ(what_is_kept(run_, 25),
            folder + " keeps the checkpoint of step 25, which it can be resumed from");
  EXPECT_EQ(what_is_kept(run_, {}), folder + " has no checkpoint yet");
}

}  // namespace
}  // namespace dae::test
