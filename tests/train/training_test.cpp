// Training as other programs do it (dae/training.h): what the observer is told, stopping from
// another thread, and which field is to blame.
//
// Simulated GPU: not at all (programs_rehearsal_test trains there in every way)
#include <dae/error.h>
#include <dae/network.h>
#include <dae/training.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>
#include <thread>

#include "data/image.h"
#include "data/synthetic.h"
#include "record/metrics.h"
#include "record/run_config.h"
#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/somebody.h"
#include "tests/support/training_run.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class Training : public TrainingRun {
 protected:
  using Spoil = std::function<void(TrainingOptions&)>;
  // Options that were good are refused once they are spoiled, by the field's own name.
  static void expect_field_blamed(TrainingOptions options, const std::string& field,
                                  const Spoil& spoil) {
    spoil(options);
    try {
      train(options);
      ADD_FAILURE() << field << " was accepted";
    } catch (const FieldError& error) {
      EXPECT_EQ(error.field(), field) << error.what();
      EXPECT_EQ(std::string(error.what()).find("--"), std::string::npos) << error.what();
    }
  }
};

TEST_F(Training, TellsAnObserverAndPrintsNothing) {
  std::ofstream(folder_.file("photos/broken.jpg")) << "no picture";
  Witness witness;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const TrainingOutcome outcome = train(options("run", 25), witness);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

  EXPECT_EQ(outcome.run, folder_.file("run"));
  EXPECT_EQ(outcome.step, 25u);
  EXPECT_EQ(outcome.last_step, 25u);
  EXPECT_EQ(outcome.held_out_pictures, outcome.evaluation.pictures);
  EXPECT_EQ(outcome.evaluation.rows.size(), 6u);
  EXPECT_EQ(outcome.profile, "");
  ASSERT_EQ(outcome.evaluation.left_out.size(), 1u);
  EXPECT_NE(outcome.evaluation.left_out[0].find("broken.jpg"), std::string::npos);
  ASSERT_EQ(witness.warnings.size(), 1u);
  EXPECT_NE(witness.warnings[0].find("broken.jpg"), std::string::npos);
  ASSERT_FALSE(witness.prepared.empty());
  EXPECT_EQ(witness.prepared[0], "reading " + folder_.file("photos"));

  ASSERT_EQ(witness.starts.size(), 1u);
  EXPECT_EQ(witness.starts[0].run, outcome.run);
  EXPECT_EQ(witness.starts[0].training_pictures + witness.starts[0].held_out_pictures, 5);
  EXPECT_EQ(witness.starts[0].last_step, 25u);
  ASSERT_EQ(witness.progress.size(), 25u);
  for (uint64_t i = 0; i < 25; i++) EXPECT_EQ(witness.progress[i].step, i + 1);
  EXPECT_EQ(witness.progress.back().seconds_left, 0);

  // Rows are in the file when they are told of: a row a step, validated every other one.
  std::string note;
  const std::vector<MetricsRow> rows = read_metrics(folder_.file("run/metrics.csv"), note);
  EXPECT_EQ(note, "");
  ASSERT_EQ(rows.size(), witness.rows.size());
  ASSERT_EQ(rows.size(), 25u);
  for (size_t i = 0; i < rows.size(); i++) {
    EXPECT_EQ(rows[i].step, witness.rows[i].step);
    EXPECT_NEAR(rows[i].loss, witness.rows[i].loss, 1e-5 * rows[i].loss);
    EXPECT_EQ(rows[i].validation_psnr.has_value(), rows[i].step % 2 == 0 || rows[i].step == 25);
  }
  ASSERT_EQ(witness.samples.size(), 14u);
  for (const fs::path& sample : witness.samples) EXPECT_TRUE(fs::exists(sample)) << sample;
  ASSERT_EQ(witness.checkpoints.size(), 1u);
  EXPECT_EQ(witness.checkpoints[0], folder_.file("run/checkpoint.safetensors"));
}

TEST_F(Training, StopsFromAnotherThreadAndGoesOnToTheSameBits) {
  train(options("whole", 20));
  std::stop_source stop;
  std::atomic<bool> under_way = false;
  Witness witness;
  witness.on_progress = [&] {
    under_way = true;
    while (!stop.stop_requested()) std::this_thread::yield();
  };
  std::jthread other([&] {
    while (!under_way) std::this_thread::yield();
    stop.request_stop();
  });
  const TrainingOutcome stopped = train(options("parts", 20), witness, stop.get_token());
  ASSERT_LT(stopped.step, 20u);
  ASSERT_FALSE(witness.rows.empty());
  EXPECT_EQ(witness.rows.back().step, stopped.step);
  EXPECT_TRUE(witness.rows.back().validation_psnr);
  EXPECT_GT(stopped.step, 0u);
  EXPECT_EQ(stopped.last_step, 20u);
  EXPECT_TRUE(fs::exists(folder_.file("parts/report.html")));
  EXPECT_NE(checkpoint("parts"), checkpoint("whole"));

  Witness second;
  const TrainingOutcome outcome =
      resume_training(folder_.file("parts"), {.device = Device::cpu}, second);
  EXPECT_EQ(outcome.step, 20u);
  ASSERT_EQ(second.starts.size(), 1u);
  EXPECT_EQ(second.starts[0].step, stopped.step);
  EXPECT_EQ(checkpoint("parts"), checkpoint("whole"));
}

// Rows are due after even steps here.
TEST_F(Training, AStoppedRunHasARowOfItsLastSteps) {
  std::stop_source stop;
  Witness witness;
  witness.on_progress = [&] {
    if (witness.progress.back().step == 7) stop.request_stop();
  };
  const TrainingOutcome outcome = train(options("run", 800), witness, stop.get_token());
  EXPECT_EQ(outcome.step, 7u);
  ASSERT_EQ(witness.rows.size(), 4u);
  EXPECT_EQ(witness.rows[2].step, 6u);
  EXPECT_EQ(witness.rows[3].step, 7u);
  EXPECT_TRUE(witness.rows[3].validation_psnr);
  // Each is the mean of the steps since the row before.
  size_t done = 0;
  for (const MetricsRow& row : witness.rows) {
    double sum = 0;
    const size_t before = done;
    while (done < row.step) sum += double{witness.progress[done++].loss};
    EXPECT_NEAR(row.loss, sum / double(done - before), 1e-9) << "step " << row.step;
  }
}

TEST_F(Training, StoppedBeforeItsFirstStepLeavesNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(train(options("run", 5), stop.get_token()), Cancelled);
  EXPECT_FALSE(fs::exists(folder_.file("run")));
}

// What the observer throws passes through, and the folder is free for others.
TEST_F(Training, AnObserversExceptionEndsIt) {
  struct Stop {};
  Witness witness;
  witness.on_progress = [&] {
    if (witness.progress.size() == 3) throw Stop();
  };
  EXPECT_THROW(train(options("run", 9), witness), Stop);
  Witness second;
  const TrainingOutcome outcome =
      resume_training(folder_.file("run"), {.device = Device::cpu}, second);
  EXPECT_EQ(outcome.step, 9u);
  ASSERT_EQ(second.notes.size(), 1u);
  EXPECT_NE(second.notes[0].find("it has no checkpoint; it starts again from step 0"),
            std::string::npos);
}

TEST_F(Training, ARunThatGoesOnIsValidatedOnWhatItWas) {
  fs::create_directory(folder_.file("others"));
  save_png(folder_.file("others/other.png"), draw_dead_leaves(3, 40, 40, 48));
  TrainingOptions begun = options("run", 2);
  begun.validation = folder_.file("others");
  EXPECT_EQ(train(begun).evaluation.dataset, begun.validation);
  const TrainingOutcome outcome =
      resume_training(folder_.file("run"), {.budget = {.steps = 4}, .device = Device::cpu});
  EXPECT_EQ(outcome.step, 4u);
  EXPECT_EQ(outcome.evaluation.dataset, begun.validation);
  EXPECT_EQ(outcome.evaluation.pictures, 1);
}

// A run that was cut off between its last checkpoint and its report gets the report; nothing else
// changes.
TEST_F(Training, AReportThatIsMissingIsMade) {
  train(options("run", 4));
  const std::string before = checkpoint("run"), rows = read(folder_.file("run/metrics.csv"));
  fs::remove(folder_.file("run/report.html"));
  fs::remove(folder_.file("run/samples/final.png"));
  for (const int64_t steps : {0, 4}) {
    Witness witness;
    const TrainingOutcome outcome = resume_training(
        folder_.file("run"), {.budget = {.steps = steps}, .device = Device::cpu}, witness);
    EXPECT_EQ(outcome.step, 4u);
    ASSERT_EQ(witness.notes.size(), 1u);
    EXPECT_NE(witness.notes[0].find("4 of 4 steps"), std::string::npos) << witness.notes[0];
    EXPECT_TRUE(fs::exists(folder_.file("run/report.html")));
    EXPECT_TRUE(fs::exists(folder_.file("run/samples/final.png")));
    EXPECT_EQ(checkpoint("run"), before);
    EXPECT_EQ(read(folder_.file("run/metrics.csv")), rows);
  }
  EXPECT_EQ(
      resume_training(folder_.file("run"), {.budget = {.steps = 6}, .device = Device::cpu}).step,
      6u);
}

// Nothing is trained on to no purpose, and what was saved last is from before.
TEST_F(Training, AnExplosionEndsIt) {
  TrainingOptions wild = options("run", 400);
  wild.learning_rate = 1;
  try {
    train(wild);
    ADD_FAILURE() << "a rate of 1 was survived";
  } catch (const Error& error) {
    const std::string words = error.what();
    EXPECT_NE(words.find("come apart by step"), std::string::npos) << words;
    EXPECT_NE(words.find("has no checkpoint yet"), std::string::npos) << words;
  }
}

// The damaged newest checkpoint gives way to the one before it, which is said, and is kept; where both
// are damaged, both are named.
TEST_F(Training, ADamagedCheckpointGivesWayToThePreviousOne) {
  train(options("run", 2));
  const fs::path run = folder_.file("run"), newest = run / "checkpoint.safetensors",
                 previous = run / "checkpoint.previous.safetensors";
  const std::string first = checkpoint("run");
  resume_training(run, {.budget = {.steps = 4}, .device = Device::cpu});
  EXPECT_EQ(read(previous), first) << "one save older";
  std::string bytes = checkpoint("run");
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(newest, std::ios::binary) << bytes;

  const Evaluation evaluation = evaluate(run, {.device = Device::cpu, .most_views = 4});
  EXPECT_NE(evaluation.note.find(newest.string()), std::string::npos) << evaluation.note;
  EXPECT_NE(evaluation.note.find(previous.string() + " is taken"), std::string::npos);

  Witness witness;
  resume_training(run, {.budget = {.steps = 6}, .device = Device::cpu}, witness);
  ASSERT_EQ(witness.starts.size(), 1u);
  EXPECT_EQ(witness.starts[0].step, 2u);
  ASSERT_GE(witness.notes.size(), 1u);
  EXPECT_NE(witness.notes[0].find(newest.string()), std::string::npos) << witness.notes[0];
  EXPECT_EQ(read(run / "checkpoint.damaged.safetensors"), bytes);
  EXPECT_EQ(read(previous), first) << "the sound one was not pushed out";

  fs::resize_file(newest, 1000);
  fs::resize_file(previous, 1000);
  try {
    resume_training(run, {.device = Device::cpu});
    ADD_FAILURE() << "it went on from nothing";
  } catch (const Error& error) {
    const std::string words = error.what();
    EXPECT_NE(words.find(newest.string()), std::string::npos) << words;
    EXPECT_NE(words.find(previous.string()), std::string::npos) << words;
  }
}

// So does one that was lost, as in the moment between two renames.
TEST_F(Training, ALostCheckpointGivesWayToThePreviousOne) {
  train(options("run", 2));
  const fs::path run = folder_.file("run"), newest = run / "checkpoint.safetensors",
                 previous = run / "checkpoint.previous.safetensors";
  resume_training(run, {.budget = {.steps = 4}, .device = Device::cpu});
  fs::remove(newest);
  const std::string said =
      newest.string() + " is missing; " + previous.string() + " is taken, which is older";
  EXPECT_EQ(evaluate(run, {.device = Device::cpu, .most_views = 4}).note, said);
  EXPECT_EQ(read_network(run).note, said);
  TrainingOptions further = options("further", 1);
  further.from = run;
  Witness other;
  train(further, other);
  EXPECT_EQ(other.notes, std::vector<std::string>{said}) << "of a run that starts from it";
  Witness witness;
  resume_training(run, {.budget = {.steps = 4}, .device = Device::cpu}, witness);
  ASSERT_EQ(witness.starts.size(), 1u);
  EXPECT_EQ(witness.starts[0].step, 2u);
  ASSERT_GE(witness.notes.size(), 1u);
  EXPECT_EQ(witness.notes[0], said);
}

// What a run that was killed while its folder was created left there stands in nobody's way.
TEST_F(Training, AnUnfinishedFolderIsFree) {
  train(options("whole", 3));
  const fs::path run = folder_.file("run"), used = folder_.file("used");
  fs::create_directories(run / "samples");
  std::ofstream(run / "metrics.csv") << "step,sec";
  std::ofstream(run / "config.json.1234.part") << "{";
  EXPECT_EQ(train(options("run", 3)).step, 3u);
  EXPECT_FALSE(fs::exists(run / "config.json.1234.part"));
  EXPECT_EQ(checkpoint("run"), checkpoint("whole"));
  for (const char* const mine : {"mine.txt", "samples/mine.png"}) {
    fs::create_directories(used / "samples");
    std::ofstream(used / mine) << "kept";
    EXPECT_THROW(train(options("used", 3)), FieldError) << mine;
    EXPECT_EQ(read(used / mine), "kept");
    fs::remove_all(used);
  }
}

// Rows that were cut off or damaged are missed, and said to be.
TEST_F(Training, LostRowsAreNamed) {
  train(options("run", 6));
  const fs::path metrics = folder_.file("run/metrics.csv");
  const std::string whole = read(metrics);
  const auto notes_after = [&](const std::string& text) {
    std::ofstream(metrics, std::ios::binary) << text;
    Witness witness;
    resume_training(folder_.file("run"), {.device = Device::cpu}, witness);
    std::string notes;
    for (const std::string& note : witness.notes) notes += note + "\n";
    return notes;
  };
  EXPECT_EQ(notes_after(whole).find("metrics.csv"), std::string::npos);
  EXPECT_EQ(read(metrics), whole);
  const size_t last = whole.rfind('\n', whole.size() - 2);
  EXPECT_NE(notes_after(whole.substr(0, last + 4)).find("its last is of step 5, expected step 6"),
            std::string::npos);
  std::string damaged = whole;
  damaged[whole.find("\n2,") + 1] = 'x';
  EXPECT_NE(notes_after(damaged).find("1 of its lines are damaged"), std::string::npos);
}

// Any flipped bit of config.json is named, or changes nothing that it says.
TEST_F(Training, EveryFlippedBitOfAConfigurationIsSeen) {
  train(options("run", 1));
  const fs::path run = folder_.file("run"), config = run / "config.json";
  const RunConfig sound = read_run_config(run);
  std::string bytes = read(config);
  int64_t named = 0;
  for (size_t bit = 0; bit < 8 * bytes.size(); bit++) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    std::ofstream(config, std::ios::binary) << bytes;
    try {
      EXPECT_EQ(read_run_config(run), sound) << "bit " << bit;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(config.string()), std::string::npos);
      named++;
    }
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  }
  EXPECT_GT(named, std::ssize(bytes) * 6);  // the rest is white space, and the hash's own name
}

// Rows are due after even steps, checkpoints after all: what was cut off after step 7 goes on to a mean of
// steps 7 and 8.
TEST_F(Training, WhatIsSavedBetweenRowsGoesOnToTheSameRows) {
  struct Killed {};
  TrainingOptions often = options("whole", 800);
  often.save_every = 0;
  Witness whole;
  whole.on_progress = [&] {
    if (whole.progress.back().step == 12) throw Killed();
  };
  EXPECT_THROW(train(often, whole), Killed);
  for (const uint64_t last : {7u, 8u}) {
    often.out = folder_.file("run" + std::to_string(last));
    Witness before, after;
    before.on_progress = [&] {
      if (before.progress.back().step == last + 1) throw Killed();
    };
    EXPECT_THROW(train(often, before), Killed);
    after.on_progress = [&] {
      if (after.progress.back().step == 12) throw Killed();
    };
    EXPECT_THROW(resume_training(often.out, {.device = Device::cpu, .save_every = 0}, after),
                 Killed);
    EXPECT_EQ(after.notes.size(), 0u) << after.notes[0];
    ASSERT_FALSE(after.rows.empty());
    EXPECT_EQ(after.progress[0].step, last + 1);
    EXPECT_EQ(after.rows[0].step, last == 7 ? 8u : 10u);
    std::string ignored;
    const auto rows = read_metrics(often.out / "metrics.csv", ignored),
               wanted = read_metrics(folder_.file("whole/metrics.csv"), ignored);
    ASSERT_EQ(rows.size(), wanted.size());
    for (size_t i = 0; i < rows.size(); i++) {
      EXPECT_EQ(rows[i].step, wanted[i].step);
      EXPECT_EQ(rows[i].loss, wanted[i].loss) << "of step " << rows[i].step;
    }
    EXPECT_EQ(read(often.out / "checkpoint.safetensors"), checkpoint("whole"));
  }
}

TEST_F(Training, AFolderThatMayNotBeWrittenIsNamed) {
  train(options("run", 2));
  const fs::path run = folder_.file("run");
  const std::string before = checkpoint("run");
  fs::create_directory(folder_.file("closed"));
  for (const fs::path& mine :
       {folder_.path(), run, run / "samples", fs::path(folder_.file("closed"))})
    fs::permissions(mine, static_cast<fs::perms>(0555));
  fs::permissions(folder_.file("cache"), fs::perms::all);
  fs::permissions(folder_.file("cache/dae"), fs::perms::all);
  const auto words_of = [](const auto& act) {
    const Somebody somebody;
    return said<std::exception>(act);
  };
  const std::string begun = words_of([&] { train(options("closed/new", 2)); }),
                    resumed = words_of([&] {
                      resume_training(run, {.budget = {.steps = 4}, .device = Device::cpu});
                    });
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_NE(begun.find("closed/new"), std::string::npos) << begun;
  EXPECT_NE(begun.find("Permission denied"), std::string::npos) << begun;
  EXPECT_NE(resumed.find(run.string()), std::string::npos) << resumed;
  EXPECT_NE(resumed.find("Permission denied"), std::string::npos) << resumed;
  EXPECT_EQ(checkpoint("run"), before);
}

// By what docs/run-folder.md says of the keys of `optimizer`.
double rate_of(uint64_t step, double peak, uint64_t start, uint64_t warmup, uint64_t total) {
  const auto done = static_cast<double>(step - start), rise = static_cast<double>(warmup);
  if (step <= start + warmup) return peak * done / rise;
  return peak / 2 *
         (1 +
          std::cos(std::numbers::pi * (done - rise) / (static_cast<double>(total - start) - rise)));
}

// A run that was stopped goes on with the schedule it had, now for another number of steps; one that is
// over begins a new one. The rates are those of its rows.
TEST_F(Training, RatesFollowTheScheduleThroughOtherBudgets) {
  std::stop_source stop;
  Witness first;
  first.on_progress = [&] {
    if (first.progress.back().step == 4) stop.request_stop();
  };
  TrainingOptions begun = options("run", 80);
  begun.learning_rate = 3e-3;
  train(begun, first, stop.get_token());
  const fs::path run = folder_.file("run");
  const auto resume = [&](int64_t steps) {
    resume_training(run, {.budget = {.steps = steps}, .device = Device::cpu});
  };
  resume(25);
  resume(60);
  std::string note;
  const std::vector<MetricsRow> rows = read_metrics(run / "metrics.csv", note);
  ASSERT_EQ(rows.size(), 60u);
  for (const MetricsRow& row : rows) {
    const double want = row.step <= 4    ? rate_of(row.step, 3e-3, 0, 8, 80)
                        : row.step <= 25 ? rate_of(row.step, 3e-3, 0, 8, 25)
                                         : rate_of(row.step, 3e-3, 25, 3, 60);
    EXPECT_NEAR(row.learning_rate, want, 1e-5 * want + 1e-12) << "step " << row.step;
  }
}

// What is measured has no influence on what is learnt: other pictures to validate on, the same weights.
TEST_F(Training, NothingIsLearntFromWhatIsValidatedOn) {
  std::string weights;
  std::vector<double> psnr;
  for (const char* const name : {"bright", "flat"}) {
    fs::create_directory(folder_.file(name));
    for (uint64_t i = 0; i < 3; i++) {
      Image picture = draw_dead_leaves(8, i, 40, 48);
      if (name == std::string("flat")) picture.pixels.assign(picture.pixels.size(), 77);
      picture.pixels[3 * i] ^= 255;  // no copies
      save_png(folder_.file(std::string(name) + "/" + std::to_string(i) + ".png"), picture);
    }
    Witness witness;
    TrainingOptions o = options(std::string("by_") + name, 4);
    o.validation = folder_.file(name);
    train(o, witness);
    psnr.push_back(*witness.rows.back().validation_psnr);
    if (weights.empty()) weights = checkpoint(std::string("by_") + name);
    EXPECT_EQ(checkpoint(std::string("by_") + name), weights);
  }
  EXPECT_GT(std::abs(psnr[0] - psnr[1]), 0.01);
}

TEST_F(Training, AProfileIsATable) {
  TrainingOptions profiled = options("run", 2);
  profiled.profile = true;
  const std::string table = train(profiled).profile;
  for (const char* const word : {"conv2d_forward", "adam", "corrupt", "ms/step"})
    EXPECT_NE(table.find(word), std::string::npos) << table;
}

TEST_F(Training, ABudgetIsOneThing) {
  TrainingOptions both = options("run", 2);
  both.budget.seconds = 1;
  EXPECT_THROW(train(both), UsageError);
  EXPECT_FALSE(fs::exists(folder_.file("run")));
  train(options("run", 2));
  const fs::path run = folder_.file("run");
  EXPECT_THROW(resume_training(run, {.budget = {.steps = 1}, .device = Device::cpu}), UsageError);
  EXPECT_EQ(resume_training(run, {.budget = {.steps = 3}, .device = Device::cpu}).step, 3u);
}

// The first step's loss is the other network's, not that of random weights; what is saved at once lets a
// run that was cut off go on.
TEST_F(Training, StartsFromAnotherNetwork) {
  Witness first, fresh, further;
  train(options("first", 80), first);
  TrainingOptions more = options("further", 3);
  more.width = more.blocks = {};
  more.from = folder_.file("first");
  more.learning_rate = 1e-9;
  train(more, further);
  train(options("fresh", 3), fresh);
  // As good as it was, and far from where others begin.
  EXPECT_NEAR(*further.rows.back().validation_psnr, *first.rows.back().validation_psnr, 0.01);
  EXPECT_GT(*further.rows.back().validation_psnr, *fresh.rows.back().validation_psnr + 0.5);
  EXPECT_EQ(further.checkpoints.size(), 2u) << "before the first step and after the last";
  more.out = folder_.file("spoiled");
  const auto expect_field = [&](const std::string& field, const Spoil& spoil) {
    expect_field_blamed(more, field, spoil);
  };
  using Options = TrainingOptions;
  expect_field("model", [](Options& o) { o.model = "conv"; });
  expect_field("width", [](Options& o) { o.width = 8; });
  expect_field("noise_input", [](Options& o) { o.noise_input = true; });
  expect_field("latent", [](Options& o) { o.latent = 9; });
}

// From pairs: what is given is the other folder's picture as it is, and what can be learnt is the way
// from there: here, from half the light to all of it.
TEST_F(Training, LearnsFromPairs) {
  make_dark(4);  // the fifth has no partner
  TrainingOptions pairs = options("pairs", 60);
  pairs.pairs = folder_.file("dark");
  Witness witness;
  const TrainingOutcome outcome = train(pairs, witness);
  ASSERT_EQ(witness.warnings.size(), 1u);
  EXPECT_NE(witness.warnings[0].find("leaf4.png: it has no partner"), std::string::npos)
      << witness.warnings[0];
  EXPECT_EQ(witness.starts[0].training_pictures + witness.starts[0].held_out_pictures, 4);
  ASSERT_EQ(outcome.evaluation.rows.size(), 1u);
  const EvaluationRow& row = outcome.evaluation.rows[0];
  EXPECT_NEAR(row.corrupted.mean.brightness_error, 100 * std::log(2), 1);
  EXPECT_LT(row.restored.mean.brightness_error, 25);
  // Another process finds the pairs again, and goes on with them.
  EXPECT_NEAR(evaluate(folder_.file("pairs"), {.device = Device::cpu, .most_views = 128})
                  .rows[0]
                  .corrupted.mean.brightness_error,
              100 * std::log(2), 1);
  EXPECT_EQ(
      resume_training(folder_.file("pairs"), {.budget = {.steps = 62}, .device = Device::cpu}).step,
      62u);
  EXPECT_THROW(resume_training(folder_.file("pairs"), {.pairs = folder_.file("nowhere")}), Error);
}

TEST_F(Training, NamesTheFieldThatMakesNoSense) {
  const auto expect_field = [&](const std::string& field, const Spoil& spoil) {
    expect_field_blamed(options("run", 3), field, spoil);
    EXPECT_FALSE(fs::exists(folder_.file("run"))) << field;
  };
  using Options = TrainingOptions;
  expect_field("dataset", [](Options& o) { o.dataset = ""; });
  expect_field("model", [](Options& o) { o.model = "resnet"; });
  expect_field("size", [](Options& o) { o.size = 20; });
  expect_field("width", [](Options& o) { o.width = 0; });
  expect_field("latent", [](Options& o) { o.latent = 5; });
  for (const auto& [field, member] : {std::pair{"skips", &Options::skips},
                                      {"global", &Options::global},
                                      {"residual", &Options::residual}})
    expect_field(field, [&, member = member](Options& o) {
      o.model = "fc";
      o.width = o.blocks = {};
      o.*member = true;
    });
  expect_field("width", [](Options& o) { o.model = "conv"; });
  expect_field("latent", [](Options& o) {
    o.model = "conv";
    o.width = o.blocks = {};
    o.latent = 7;
  });
  expect_field("precision", [](Options& o) { o.precision = "fp16"; });
  expect_field("precision", [](Options& o) { o.precision = "bf16"; });
  expect_field("batch", [](Options& o) { o.batch = 0; });
  expect_field("batch", [](Options& o) { o.batch = 65537; });
  expect_field("learning_rate", [](Options& o) { o.learning_rate = 0; });
  expect_field("learning_rate",
               [](Options& o) { o.learning_rate = std::numeric_limits<double>::quiet_NaN(); });
  expect_field("max_side", [](Options& o) { o.max_side = -1; });
  expect_field("max_side", [](Options& o) { o.max_side = 65537; });
  expect_field("loss", [](Options& o) { o.loss = "huber"; });
  expect_field("validation", [&](Options& o) { o.pairs = o.validation = o.dataset; });
  expect_field("size", [](Options& o) { o.loss = "ms_ssim"; });
  expect_field("features", [](Options& o) { o.features = "judge.safetensors"; });
  expect_field("noise", [](Options& o) { o.corruption.noise = {5, 1}; });
  expect_field("epochs", [](Options& o) { o.budget = {.epochs = 1e8}; });
  expect_field("steps", [](Options& o) { o.budget = {.steps = -4}; });
  if (!why_no_networks_on_cuda().empty())
    expect_field("device", [](Options& o) { o.device = Device::cuda; });
  fs::create_directory(folder_.file("taken"));
  std::ofstream(folder_.file("taken/mine.txt")) << "mine";
  expect_field("out", [&](Options& o) { o.out = folder_.file("taken"); });
  EXPECT_EQ(read(folder_.file("taken/mine.txt")), "mine");
}

}  // namespace
}  // namespace dae::test
