// A study with runs of two steps: which there are, who trains which, and what is refused.
#include "laboratory/study.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/text.h"
#include "laboratory/study_page.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tests/support/json_file.h"
#include "tests/support/studies.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TEST(StudySettings, AreEveryCombination) {
  const std::vector<Setting> settings = product_of({{"loss", {"mse", "l1"}}, {"lr", {"1", "2"}}});
  const std::vector<Setting> expected = {{{"loss", "mse"}, {"lr", "1"}},
                                         {{"loss", "mse"}, {"lr", "2"}},
                                         {{"loss", "l1"}, {"lr", "1"}},
                                         {{"loss", "l1"}, {"lr", "2"}}};
  EXPECT_EQ(settings, expected);
  EXPECT_EQ(product_of({}), std::vector<Setting>{{}});
}

TEST(StudySettings, HaveNamesThatAreSafe) {
  EXPECT_EQ(name_of({{"loss", "mse"}, {"lr", "1e-3"}}), "loss-mse_lr-1e-3");
  EXPECT_EQ(name_of({{"loss", "mse+0.1*ssim"}, {"noise", "0:50@0.3"}}),
            "loss-mse+0.1xssim_noise-0-50-0.3");
  EXPECT_EQ(name_of({{"val", "../a b/\xc3\xa9$(x)\n"}}), "val-..-a-b-----x--");
  EXPECT_EQ(name_of(Setting{}), "all");
  const StudyRun run{.setting = {{"loss", "l1"}}, .options = {.seed = 7}, .command = {}};
  EXPECT_EQ(run.name(), "loss-l1_seed-7");
}

// Remembers what it is told.
struct Notes : StudyObserver {
  void begins(const StudyRun& run, size_t) override {
    begun.push_back(run.name());
    if (begun.size() == most) stop.request_stop();
  }
  void ended(const TrainingOutcome& outcome) override {
    ended_runs.push_back(outcome.run.filename().string());
  }
  void failed(const std::string& why) override { failures.push_back(why); }

  size_t most = 0;  // stops as this run begins; 0: never
  std::stop_source stop;
  std::vector<std::string> begun, ended_runs, failures;
};

class StudyRuns : public StudyTest {
 protected:
  template <class E>
  void expect_refused(const std::vector<StudyRun>& wanted, const std::string& words) {
    try {
      Study study(folder_, wanted);
      ADD_FAILURE() << "no error: " << words;
    } catch (const E& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
};

// Seeds before settings; each run is what it would be by itself, in its folder and in the table.
TEST_F(StudyRuns, TrainsWhatEachRunIsAlone) {
  Study study(folder_, runs({"mse", "l1"}, {1, 2}));
  Notes notes;
  EXPECT_EQ(study.train_missing(notes, {}), Study::End::over);
  const std::vector<std::string> order = {"loss-mse_seed-1", "loss-l1_seed-1", "loss-mse_seed-2",
                                          "loss-l1_seed-2"};
  EXPECT_EQ(notes.begun, order);
  EXPECT_EQ(notes.ended_runs, order);
  EXPECT_TRUE(notes.failures.empty());

  const StudyRun& third = study.runs()[2];
  TrainingOptions alone = third.options;
  alone.out = temporary_.file("alone");
  const TrainingOutcome outcome = train(alone);
  EXPECT_EQ(read(folder_ / third.name() / "checkpoint.safetensors"),
            read(alone.out / "checkpoint.safetensors"));
  const StudyState state = study.state(third);
  ASSERT_EQ(state.kind, StudyState::Kind::finished);
  const Scores& scores = outcome.evaluation.rows.front().restored.mean;
  EXPECT_EQ(state.restored[0], scores.psnr);
  EXPECT_EQ(state.restored[1], scores.aligned_psnr);
  EXPECT_EQ(state.restored[2], scores.ssim);
  EXPECT_EQ(state.restored[3], scores.brightness_error);
  EXPECT_EQ(state.restored[4], scores.colour_error);
  EXPECT_GT(state.restored[5], 0);
  EXPECT_EQ(state.corrupted[0], outcome.evaluation.rows.front().corrupted.mean.psnr);
  EXPECT_EQ(state.steps.back(), 2);
  for (const char* const name : {"study.html", "study.json", "study.csv"})
    EXPECT_TRUE(fs::exists(folder_ / name)) << name;

  // More seeds: what is there stays.
  Study longer(folder_, runs({"mse", "l1"}, {1, 2, 3}));
  Notes more;
  EXPECT_EQ(longer.train_missing(more, {}), Study::End::over);
  EXPECT_EQ(more.begun, (std::vector<std::string>{"loss-mse_seed-3", "loss-l1_seed-3"}));
}

TEST_F(StudyRuns, StopsAndGoesOn) {
  const std::vector<StudyRun> wanted = runs({"mse", "l1"}, {1});
  Study study(folder_, wanted);
  Notes first;
  first.most = 2;
  EXPECT_EQ(study.train_missing(first, first.stop.get_token()), Study::End::stopped);
  EXPECT_EQ(first.ended_runs, std::vector<std::string>{"loss-mse_seed-1"});
  EXPECT_NE(read(folder_ / "study.csv").find("loss-l1_seed-1,loss-l1,1,not finished"),
            std::string::npos)
      << read(folder_ / "study.csv");
  Notes second;
  EXPECT_EQ(study.train_missing(second, {}), Study::End::over);
  EXPECT_EQ(second.ended_runs, std::vector<std::string>{"loss-l1_seed-1"});
}

// What was trained to its end and not recorded, as when a process was killed in between, is recorded.
TEST_F(StudyRuns, TakesUpARunThatWasCutOff) {
  Study study(folder_, runs({"mse"}, {1}));
  Notes notes;
  study.train_missing(notes, {});
  const std::string was = read(record("loss-mse_seed-1", "result.json")),
                    weights = read(folder_ / "loss-mse_seed-1/checkpoint.safetensors");
  fs::remove(record("loss-mse_seed-1", "result.json"));
  fs::remove(folder_ / "loss-mse_seed-1/checkpoint.safetensors");
  fs::remove(folder_ / "loss-mse_seed-1/checkpoint.previous.safetensors");
  EXPECT_EQ(study.train_missing(notes, {}), Study::End::over);
  EXPECT_EQ(read(folder_ / "loss-mse_seed-1/checkpoint.safetensors"), weights);
  EXPECT_EQ(json_file(record("loss-mse_seed-1", "result.json"))["evaluation"],
            json_from(was)["evaluation"]);
}

TEST_F(StudyRuns, IsSharedAndEachRunTrainedOnce) {
  const std::vector<StudyRun> wanted = runs({"mse", "l1"}, {1, 2, 3});
  Notes notes[2];
  Study::End ends[2];
  const auto work = [&](size_t i) {
    set_threads(1);
    Study study(folder_, wanted);
    ends[i] = study.train_missing(notes[i], {});
  };
  std::thread other([&] { work(1); });
  work(0);
  other.join();
  std::map<std::string, int> times;
  for (const Notes& one : notes)
    for (const std::string& run : one.ended_runs) times[run]++;
  EXPECT_EQ(times.size(), wanted.size());
  for (const auto& [run, count] : times) EXPECT_EQ(count, 1) << run;
  EXPECT_FALSE(notes[0].ended_runs.empty());
  EXPECT_FALSE(notes[1].ended_runs.empty());
  EXPECT_TRUE(notes[0].failures.empty() && notes[1].failures.empty());
  // Whoever is last knows it, and the table has the runs of both.
  EXPECT_TRUE(ends[0] == Study::End::over || ends[1] == Study::End::over);
  const auto table = json_file(folder_ / "study.json");
  for (const auto& setting : table["settings"]) EXPECT_EQ(setting["finished"], 3);
}

TEST_F(StudyRuns, LeavesToOthersWhatTheyHaveAndTakesItWhenTheyAreGone) {
  Study study(folder_, runs({"mse", "l1"}, {1}));
  fs::create_directories(record("loss-mse_seed-1", ""));
  {
    const auto lock = FileLock::take(record("loss-mse_seed-1", "lock"));
    ASSERT_TRUE(lock);
    Notes notes;
    EXPECT_EQ(study.train_missing(notes, {}), Study::End::elsewhere);
    EXPECT_EQ(notes.ended_runs, std::vector<std::string>{"loss-l1_seed-1"});
  }
  Notes notes;
  EXPECT_EQ(study.train_missing(notes, {}), Study::End::over);
  EXPECT_EQ(notes.ended_runs, std::vector<std::string>{"loss-mse_seed-1"});
}

// Neither another of the processes nor this one tries it again, but whoever begins later does.
TEST_F(StudyRuns, ARunThatFailsIsNamedAndTheOthersTrained) {
  fs::create_directories(temporary_.file("empty"));
  std::vector<StudyRun> wanted = runs({"mse", "l1"}, {1});
  wanted[0].options.dataset = temporary_.file("empty");
  Study study(folder_, wanted);
  Notes notes;
  EXPECT_EQ(study.train_missing(notes, {}), Study::End::over);
  ASSERT_EQ(notes.failures.size(), 1u);
  EXPECT_NE(notes.failures[0].find("no images"), std::string::npos) << notes.failures[0];
  EXPECT_EQ(notes.ended_runs, std::vector<std::string>{"loss-l1_seed-1"});
  const StudyTable table = tabulate(study);
  ASSERT_EQ(table.missing.size(), 1u);
  EXPECT_EQ(table.missing[0].find("loss-mse_seed-1: failed: "), 0u) << table.missing[0];
  EXPECT_NE(to_html(study, table).find(table.missing[0]), std::string::npos);

  wanted[0].options.dataset = common_.dataset;  // no run was made that contradicts it
  Study mended(folder_, wanted);
  Notes again;
  EXPECT_EQ(mended.train_missing(again, {}), Study::End::over);
  EXPECT_EQ(again.ended_runs, std::vector<std::string>{"loss-mse_seed-1"});
  EXPECT_TRUE(tabulate(mended).missing.empty());
}

TEST_F(StudyRuns, AFailureOfAnotherProcessIsNotTriedAgainMeanwhile) {
  Study study(folder_, runs({"mse"}, {1}));
  fs::create_directories(record("loss-mse_seed-1", ""));
  std::ofstream(record("loss-mse_seed-1", "failure.json"))
      << nlohmann::json{{"why", "a disk"}, {"when", INT64_MAX}};
  Notes notes;
  EXPECT_EQ(study.train_missing(notes, {}), Study::End::over);
  EXPECT_TRUE(notes.begun.empty());
  EXPECT_EQ(tabulate(study).missing, std::vector<std::string>{"loss-mse_seed-1: failed: a disk"});
}

TEST_F(StudyRuns, RefusesWhatContradictsItself) {
  std::vector<StudyRun> same = runs({"mse", "l1"}, {1});
  same[1].options.loss = "mse";
  expect_refused<UsageError>(same, "loss-mse_seed-1 and loss-l1_seed-1 are the same training");
  std::vector<StudyRun> one_name = runs({"mse", "l1"}, {1});
  one_name[0].setting[0].second = "a:b";
  one_name[1].setting[0].second = "a/b";
  expect_refused<UsageError>(one_name, "loss-a-b_seed-1: two settings");
  std::vector<StudyRun> senseless = runs({"mse"}, {1});
  senseless[0].options.size = 20;
  expect_refused<FieldError>(senseless, "size 20");
  senseless[0].options.size = 16;
  senseless[0].options.shards = 3;
  expect_refused<FieldError>(senseless, "shards");
  std::vector<StudyRun> nowhere = runs({"mse"}, {1});
  nowhere[0].options.validation = temporary_.file("nowhere");
  expect_refused<Error>(nowhere, "nowhere: there is no such folder");
  std::vector<StudyRun> long_name = runs({"mse"}, {1});
  long_name[0].setting[0].second = std::string(300, 'a');
  expect_refused<UsageError>(long_name, "so long a name");
  EXPECT_FALSE(fs::exists(folder_)) << "it was refused";
}

TEST_F(StudyRuns, NamesAFolderThatHoldsAnotherRunAndWhatDiffers) {
  Notes notes;
  Study(folder_, runs({"mse"}, {1})).train_missing(notes, {});
  const std::string run = (folder_ / "loss-mse_seed-1").string();
  common_.budget.steps = 3;
  expect_refused<UsageError>(
      runs({"mse"}, {1}),
      run + ": holds a run of other arguments, budget/steps is 2 there and 3 here");
  common_.budget.steps = 2;
  common_.learning_rate = 1e-4;
  expect_refused<UsageError>(runs({"mse"}, {1}), "optimizer/learning_rate");
  fs::remove_all(folder_ / "records");  // it might be anybody's
  expect_refused<UsageError>(runs({"mse"}, {1}), run + ": holds what this study did not make");
}

}  // namespace
}  // namespace dae::test
