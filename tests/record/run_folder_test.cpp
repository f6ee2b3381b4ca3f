// The names of runs to which nobody gave one, and what is said of folders and checkpoints that cannot be read. What
// is in run folders: run_folder_test.py.
#include "record/run_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/working_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

std::string name_of_new_run() {
  return RunFolder::create("", nlohmann::json{{"model", {{"kind", "conv"}}}}, parse_loss("mse"), {})
      .path()
      .string();
}

TEST(RunFolder, OpeningOneThatIsNoneSaysWhatIsMissing) {
  const TemporaryFolder folder;
  const std::string nowhere = folder.file("nowhere"), file = folder.file("file");
  std::ofstream(file) << "no folder";
  for (const std::string& path : {nowhere, file})
    EXPECT_EQ(said([&] { RunFolder::open(path); }),
              path + ": there is no such run folder; train_cuda makes one");
  EXPECT_EQ(said([&] { RunFolder::open(folder.path()); }),
            folder.path().string() + ": not a run folder: it has no config.json");
}

// As on a disk that is full: no write may make a file longer.
TEST(RunFolder, LeavesNothingWhereOneCannotBeMade) {
  const TemporaryFolder folder;
  const auto create = [&](const std::string& name) {
    return said([&] {
      RunFolder::create(folder.file(name), nlohmann::json{{"format", 1}}, parse_loss("mse"), {});
    });
  };
  fs::create_directory(folder.file("there"));
  rlimit before{}, none{};
  getrlimit(RLIMIT_FSIZE, &before);
  none.rlim_max = before.rlim_max;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &none);
  const std::string made = create("run"), filled = create("there");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(made, "cannot write " + folder.file("run") + "/metrics.csv: File too large");
  EXPECT_FALSE(fs::exists(folder.file("run")));
  EXPECT_EQ(filled, "cannot write " + folder.file("there") + "/metrics.csv: File too large");
  EXPECT_TRUE(fs::is_empty(folder.file("there"))) << "the folder was somebody's";
}

// The newest, the one before it, or both: each is named, in this order.
TEST(RunFolder, NamesEveryCheckpointThatCannotBeRead) {
  const TemporaryFolder folder;
  const RunFolder run =
      RunFolder::create(folder.file("run"), nlohmann::json::object(), parse_loss("mse"), {});
  const ParameterSet none;
  std::string note;
  const auto weights = [&] { run.load_weights(none, note); };
  EXPECT_FALSE(run.saved_step());
  const std::string newest = run.file("checkpoint.safetensors").string(),
                    previous = run.file("checkpoint.previous.safetensors").string();
  std::ofstream(newest) << "no checkpoint";
  const std::string of_newest = said(weights);
  EXPECT_TRUE(of_newest.starts_with(newest + ": ")) << of_newest;
  std::ofstream(previous) << "no checkpoint either";
  const std::string of_both = said(weights);
  EXPECT_TRUE(of_both.starts_with(of_newest + "; " + previous + ": ")) << of_both;
}

// Whether two fall into one second nobody knows before: pairs are made until they do.
TEST(RunFolder, TwoOfOneSecondHaveFoldersOfTheirOwn) {
  std::string first, second;
  do {
    const TemporaryFolder empty;
    const WorkingFolder here(empty.path());
    first = name_of_new_run();
    second = name_of_new_run();
  } while (!second.starts_with(first));
  EXPECT_TRUE(std::regex_match(first, std::regex("runs/[0-9]{8}-[0-9]{6}-conv"))) << first;
  EXPECT_EQ(second, first + "-2");
}

}  // namespace
}  // namespace dae::test
