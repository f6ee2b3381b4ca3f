// The names of runs to which nobody gave one. What is in their folders: run_folder_test.py.
#include "record/run_folder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/temporary_folder.h"
#include "tests/support/working_folder.h"

namespace dae::test {
namespace {

std::string name_of_new_run() {
  return RunFolder::create("", nlohmann::json{{"model", {{"kind", "conv"}}}}, parse_loss("mse"), {})
      .path()
      .string();
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
