// `study` as people run it: its table, its refusals, and processes that share it, stop and die.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class StudyProgram : public Programs {
 protected:
  void SetUp() override { make_photos("photos"); }

  std::vector<std::string> words(const std::string& more) {
    std::vector<std::string> all = {"--dataset", path("photos"), "--size", "16",       "--batch",
                                    "2",         "--width",      "4",      "--blocks", "1",
                                    "--out",     path("study")};
    std::istringstream stream(more);
    for (std::string word; stream >> word;) all.push_back(word);
    return all;
  }
  std::string study(const std::string& more) {
    std::string command = "study";
    for (const std::string& word : words(more)) command += " " + word;
    return command;
  }
  size_t count(const std::string& text, const std::string& what) {
    size_t found = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) found++;
    return found;
  }
  bool trains(const std::string& run) {
    return read("study/" + run + "/metrics.csv").size() >= 200;
  }
};

TEST_F(StudyProgram, TrainsComparesAndGoesOn) {
  const std::string vary = "--noise 10:30 --vary loss=mse,mse+0.1*l1 ";
  Outcome outcome = run(study(vary + "--steps 4 --seeds 2 --tensorboard"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* const line :
       {"1/4 loss-mse_seed-1: 4 steps, ", "4/4 loss-mse+0.1xl1_seed-2: 4 steps, ", "doing nothing",
        "less loss-mse, over the seeds of both", "4 of 4 runs are finished\n",
        "study/study.html\n"})
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << "\n" << outcome.out;
  EXPECT_TRUE(fs::exists(path("study/loss-mse_seed-1/tensorboard")));
  const auto table = json_file(path("study/study.json"));
  EXPECT_EQ(table["runs"][3]["setting"]["loss"], "mse+0.1*l1");

  // The command that the table has for a run makes that run.
  const std::string alone = table["runs"][3]["command"].get<std::string>();
  ASSERT_EQ(run("train_cuda " + alone + " --out " + path("alone")).code, 0) << read("err");
  EXPECT_EQ(read("alone/checkpoint.safetensors"),
            read("study/loss-mse+0.1xl1_seed-2/checkpoint.safetensors"));
  EXPECT_EQ(read("alone/config.json"), read("study/loss-mse+0.1xl1_seed-2/config.json"));

  outcome = run(study(vary + "--steps 4 --seeds 3"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(count(outcome.out, ": 4 steps, "), 2u) << outcome.out;
  EXPECT_NE(outcome.out.find("6 of 6 runs"), std::string::npos) << outcome.out;
  outcome = run(study(vary + "--steps 5 --seeds 3"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("study/loss-mse_seed-1: holds a run of other arguments, budget/steps "
                             "is 4 there and 5 here"),
            std::string::npos)
      << outcome.err;
}

// Folders stand in it as a shell takes them, whatever they are called.
TEST_F(StudyProgram, ACommandOfItsTableMakesThatRun) {
  make_photos("it's \"a\" b");
  make_photos("two words");
  std::vector<std::string> options = words("--steps 2");
  options[1] = path("it's \"a\" b");
  options.insert(options.end(), {"--pairs", path("two words")});
  Process whole("study", options, path("cache"), path("log"));
  ASSERT_EQ(whole.end(0), 0) << read("log");
  const auto runs = json_file(path("study/study.json"))["runs"];
  ASSERT_EQ(runs.size(), 3u) << "of three seeds, where nothing is said of them";
  const std::string alone = runs[0]["command"].get<std::string>();
  ASSERT_EQ(run("train_cuda " + alone + " --out " + path("alone")).code, 0) << read("err");
  EXPECT_EQ(read("alone/checkpoint.safetensors"), read("study/all_seed-1/checkpoint.safetensors"));
}

TEST_F(StudyProgram, RefusesInOneLineAndMakesNothing) {
  const auto refused = [&](const std::string& more, int code, const std::string& text) {
    expect_refused(study(more), code, text);
    EXPECT_FALSE(fs::exists(path("study"))) << more;
  };
  refused("--vary loss", 2, "--vary loss: give an option and its values");
  refused("--vary loos=mse", 2, "--vary loos: not an option");
  refused("--vary loss=mse,", 2, "study: --vary loss=mse,: a value is empty\n");
  refused("--vary loss=mse --vary loss=l1", 2, "--vary loss: it is there twice");
  refused("--vary loss=mse,l1 --loss l1", 2, "--loss is varied, too");
  refused("--vary seed=1,2", 2, "--seeds");
  for (const char* const own : {"out", "resume", "threads", "device", "tensorboard", "profile",
                                "patience", "vary", "seeds", "help"})
    refused(fmt::format("--vary {}=1", own), 2, fmt::format("--vary {}: not an option", own));
  // Every value of every run is looked at before the first run begins.
  refused("--vary lr=1e-3,2", 2, "lr-2: --lr");
  refused("--vary loss=mse,huber", 2, "--loss huber");
  refused("--vary steps=3,4 --vary time=5", 2, "--time");
  refused("--vary latent=3,4", 2, "--latent");
  refused("--vary noise=5,5:1", 2, "--noise");
  refused("--vary val=photos," + path("nowhere"), 1, "there is no such folder");
  refused("--vary lr=1e-3,0.001", 2, "lr-1e-3_seed-1 and lr-0.001_seed-1 are the same training");
  refused("--seed 18446744073709551614", 2, "--seed");
  refused("--seeds 0", 2, "--seeds");
  expect_refused("study --out " + path("study"), 2, "--dataset");
  expect_refused("study --dataset synthetic", 2, "--out");
}

TEST_F(StudyProgram, ARunThatFailsEndsWithOneAndNoOther) {
  fs::create_directories(path("empty"));
  const Outcome outcome =
      run("study --size 16 --batch 2 --width 4 --blocks 1 --steps 2 --seeds 1 --out " +
          path("study") + " --vary dataset=" + path("empty") + "," + path("photos"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("_seed-1: failed: "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("1 of 2 runs are finished"), std::string::npos) << outcome.out;
}

// Two processes that are started together train each run once, and one line of each says so.
TEST_F(StudyProgram, ProcessesShareIt) {
  const std::string more = "--steps 60 --seeds 3 --vary loss=mse,l1";
  Process other("study", words(more), path("cache"), path("log"));
  const Outcome own = run(study(more), "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1");
  EXPECT_EQ(other.end(0), 0) << read("log");
  EXPECT_EQ(own.code, 0) << own.err;
  const std::string said = own.out + read("log");
  EXPECT_EQ(count(said, ": 60 steps, "), 6u) << said;
  for (int number = 1; number <= 6; number++)
    EXPECT_EQ(count(said, fmt::format("{}/6 loss", number)), 1u) << said;
  EXPECT_NE(said.find("6 of 6 runs are finished"), std::string::npos) << said;
  EXPECT_EQ(json_file(path("study/study.json"))["missing"].size(), 0u);
  if (count(own.out, ": 60 steps, ") > 0) {
    EXPECT_EQ(own.out.find("rank 1 on "), 0u) << own.out;
  }
}

TEST_F(StudyProgram, WhatAKilledProcessHadIsTakenOver) {
  const std::string more = "--steps 700 --seeds 1 --save-every 0.1 --vary loss=mse,l1";
  Process killed("study", words(more), path("cache"), path("log"));
  wait_for([&] { return trains("loss-mse_seed-1"); });
  killed.end(SIGKILL);
  EXPECT_FALSE(fs::exists(path("study/records/loss-mse_seed-1/result.json")));
  const Outcome outcome = run(study(more));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("2 of 2 runs are finished"), std::string::npos) << outcome.out;
  ASSERT_EQ(
      run("train_cuda --dataset " + path("photos") +
          " --size 16 --batch 2 --width 4 --blocks 1 --steps 700 --loss mse --out " + path("alone"))
          .code,
      0);
  EXPECT_EQ(read("alone/checkpoint.safetensors"),
            read("study/loss-mse_seed-1/checkpoint.safetensors"));
}

TEST_F(StudyProgram, CtrlCSavesAndTheSameCommandGoesOn) {
  const std::string more = "--steps 700 --seeds 1 --vary loss=mse,l1";
  Process stopped("study", words(more), path("cache"), path("log"));
  wait_for([&] { return trains("loss-mse_seed-1"); });
  EXPECT_EQ(stopped.end(SIGINT), 130);
  EXPECT_FALSE(fs::exists(path("study/records/loss-mse_seed-1/result.json"))) << "it is not over";
  EXPECT_NE(read("log").find("stopped; the same command goes on"), std::string::npos)
      << read("log");
  const Outcome outcome = run(study(more));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("2 of 2 runs are finished"), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace dae::test
