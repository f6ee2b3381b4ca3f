// A run from its first step to its report, and once more: its rows, its seconds, what is reported.
#include <nlohmann/json.hpp>

#include "record/checkpoint.h"
#include "record/metrics.h"
#include "record/network_file.h"
#include "record/run_config.h"
#include "report/html.h"
#include "tests/support/training_run.h"
#include "tests/support/working_folder.h"
#include "train/elapsed.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

struct Killed {};

class SessionTest : public TrainingRun {
 protected:
  // Stopped after this step.
  static TrainingOutcome train_until(uint64_t step, const TrainingOptions& options,
                                     Witness& witness) {
    std::stop_source stop;
    witness.on_progress = [&] {
      if (witness.progress.back().step == step) stop.request_stop();
    };
    return train(options, witness, stop.get_token());
  }
  static std::vector<MetricsRow> rows_of(const fs::path& run) {
    std::string note;
    return read_metrics(run / "metrics.csv", note);
  }
};

// Of a thousand steps each third has a row, and each fiftieth a validation.
TEST_F(SessionTest, EveryValidationHasARow) {
  Witness witness;
  witness.on_progress = [&] {
    if (witness.progress.back().step == 52) throw Killed();
  };
  EXPECT_THROW(train(options("run", 1000), witness), Killed);
  std::vector<uint64_t> steps, wanted, validated;
  for (const MetricsRow& row : rows_of(folder_.file("run"))) {
    steps.push_back(row.step);
    if (row.validation_psnr) validated.push_back(row.step);
  }
  for (uint64_t step = 3; step <= 48; step += 3) wanted.push_back(step);
  wanted.insert(wanted.end(), {50, 51});
  EXPECT_EQ(steps, wanted);
  EXPECT_EQ(validated, std::vector<uint64_t>{50});
}

// Whoever stops a run may not wait for what is measured then. Rows are due after even steps here.
TEST_F(SessionTest, AStopIsSavedBeforeItsRowAndWithIt) {
  struct : Witness {
    std::vector<size_t> rows_when_saved;
    void saved(uint64_t, const fs::path&) override { rows_when_saved.push_back(rows.size()); }
  } witness;
  TrainingOptions stopped = options("run", 800);
  stopped.save_every = 1e9;
  EXPECT_EQ(train_until(7, stopped, witness).step, 7u);
  EXPECT_EQ(witness.rows_when_saved, (std::vector<size_t>{3, 4}));
}

// A tenth of a run's steps, but a hundred at most.
TEST_F(SessionTest, TheRateRisesForAHundredStepsAtMost) {
  const auto warmup = [&](int64_t steps) {
    const std::string name = "run" + std::to_string(steps);
    Witness witness;
    witness.on_progress = [] { throw Killed(); };
    EXPECT_THROW(train(options(name, steps), witness), Killed);
    return read_run_config(folder_.file(name)).schedule.warmup;
  };
  EXPECT_EQ(warmup(5), 1u);
  EXPECT_EQ(warmup(990), 99u);
  EXPECT_EQ(warmup(5000), 100u);
}

// On from what the sessions before took, whatever that was.
TEST_F(SessionTest, SecondsOfARunThatIsResumedGoOn) {
  train(options("run", 2));
  const fs::path run = folder_.file("run");
  std::vector<MetricsRow> rows = rows_of(run);
  ASSERT_EQ(rows.size(), 2u);
  rows[1].seconds = 1000;
  std::ofstream(run / "metrics.csv")
      << metrics_header(parse_loss("mse")) << metrics_line(rows[0]) << metrics_line(rows[1]);
  const Elapsed watch;
  resume_training(run, {.budget = {.steps = 4}, .device = Device::cpu});
  rows = rows_of(run);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_GE(rows[2].seconds, 1000);
  EXPECT_GE(rows[3].seconds, rows[2].seconds);
  EXPECT_LE(rows[3].seconds, 1000 + watch.seconds() + 0.001) << "but for rounding";
}

// How many steps seconds are is measured. Here it is told, so that it is no machine's.
TEST_F(SessionTest, TheSecondsThatARunWasStartedWithAreItsEnd) {
  const auto tell = [&](const fs::path& run, const std::string& budget) {
    nlohmann::json config = read_run_json(run);
    config["budget"] = budget;
    write_run_json(run, config);
  };
  const auto end_of_resumed = [&](const fs::path& run, double seconds) {
    Witness witness;
    witness.on_progress = [] { throw Killed(); };
    EXPECT_THROW(
        resume_training(run, {.budget = {.seconds = seconds}, .device = Device::cpu}, witness),
        Killed);
    return witness.starts.empty() ? 0 : witness.starts[0].last_step;
  };
  const fs::path run = folder_.file("run"), over = folder_.file("over");
  const std::string begun = "--time 70, which was 800 steps here";
  Witness first;
  train_until(3, options("run", 800), first);
  tell(run, begun);
  EXPECT_EQ(end_of_resumed(run, 70), 800u);
  EXPECT_EQ(read_run_config(run).budget, begun);
  // Others are others.
  EXPECT_GT(end_of_resumed(run, 7), 3u);
  const std::string gone_on = read_run_config(run).budget;
  EXPECT_TRUE(gone_on.starts_with(begun + "; from step 3: --time 7, which was ")) << gone_on;
  // So they are once that end has come.
  train(options("over", 2));
  tell(over, "--time 0.1, which was 2 steps here");
  EXPECT_GT(end_of_resumed(over, 0.1), 2u);
}

TEST_F(SessionTest, GoesOnFromAnotherWorkingFolder) {
  const fs::path run = folder_.file("run");
  const auto resume = [&](int64_t steps, const std::string& dataset = "") {
    return resume_training(run,
                           {.budget = {.steps = steps}, .dataset = dataset, .device = Device::cpu})
        .step;
  };
  {
    const WorkingFolder here(folder_.path());
    TrainingOptions relative = options("run", 2);
    relative.dataset = "photos";
    train(relative);
  }
  EXPECT_EQ(resume(3), 3u);
  {
    const WorkingFolder here(folder_.path());
    EXPECT_EQ(resume(4, "photos"), 4u);
  }
  EXPECT_EQ(resume(5), 5u) << "where they are said to lie is known from anywhere, too";
}

// What was no ordinary end, updates that were left out and files that were no pictures.
TEST_F(SessionTest, TheReportSaysWhatWasOutOfTheOrdinary) {
  const fs::path run = folder_.file("run"), saved = run / "checkpoint.safetensors";
  const auto says = [&](const std::string& sentence) {
    return read(run / "report.html").find("<p class=\"note\">" + html::escape(sentence) + "</p>") !=
           std::string::npos;
  };
  std::ofstream(folder_.file("photos/broken.jpg")) << "no picture";
  Witness witness;
  const TrainingOutcome outcome = train_until(7, options("run", 800), witness);
  const std::string stopped = "Interrupted after 7 of 800 steps; train_cuda --resume --out " +
                              run.string() + " goes on from there.",
                    left_out = "3 updates were left out because the gradient was not finite.";
  ASSERT_EQ(outcome.evaluation.left_out.size(), 1u);
  const std::string broken = "Left out: " + outcome.evaluation.left_out[0];
  EXPECT_NE(broken.find("broken.jpg"), std::string::npos) << broken;
  EXPECT_TRUE(says(stopped));
  EXPECT_TRUE(says(broken));
  EXPECT_FALSE(says(left_out));

  const ParameterSet parameters = parameters_of(read_run_config(run).network);
  Checkpoint checkpoint = read_checkpoint(saved, parameters);
  checkpoint.state.skipped = 3;
  write_checkpoint(saved, parameters, checkpoint);
  fs::remove(folder_.file("photos/broken.jpg"));
  resume_training(run, {.budget = {.steps = 8}, .device = Device::cpu});
  EXPECT_TRUE(says(left_out));
  EXPECT_FALSE(says(stopped));
  EXPECT_FALSE(says(broken));
}

// Runs are compared by what the end of each says, so their seeds have no part in it.
TEST_F(SessionTest, RunsOfOtherSeedsAreMeasuredOnTheSameViews) {
  std::vector<Scores> given, restored;
  for (const uint64_t seed : {2, 3}) {
    TrainingOptions shrunk = options("run" + std::to_string(seed), 1);
    shrunk.seed = seed;
    shrunk.max_side = 24;
    const Evaluation evaluation = train(shrunk).evaluation;
    EXPECT_EQ(evaluation.max_side, 24) << "what the run's pictures were shrunk to";
    given.push_back(evaluation.rows[0].corrupted.mean);
    restored.push_back(evaluation.rows[0].restored.mean);
  }
  EXPECT_EQ(given[0].psnr, given[1].psnr);
  EXPECT_NE(restored[0].psnr, restored[1].psnr) << "one network says nothing";
}

// Its latent is a map, whose channels are the same at every size.
TEST_F(SessionTest, AConvNetworkIsTrainedOnAtAnotherSize) {
  RunConfig small;
  small.network = {.kind = NetworkKind::conv, .size = 16, .latent = 4 * 5};
  const ParameterSet parameters = parameters_of(small.network);
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  parameters.initialize(3, weights.data());
  save_network(folder_.file("small.safetensors"), small, parameters, weights);
  TrainingOptions larger = options("run", 1);
  larger.from = folder_.file("small.safetensors");
  larger.width = larger.blocks = {};
  larger.size = 24;
  EXPECT_EQ(train(larger).step, 1u);
  EXPECT_EQ(read_run_config(folder_.file("run")).network.latent, 9 * 5);
}

}  // namespace
}  // namespace dae::test
