// The file by which processes tell each other which engines they chose.
#include "record/engine_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

using cuda_libraries::Choice;
using nlohmann::json;

const json kMachine = {{"gpu", "A"}, {"driver", 13000}, {"cudnn", 91900}};

class EngineFile : public testing::Test {
 protected:
  std::vector<std::string> read(const json& machine = kMachine) {
    std::vector<std::string> lines;
    for (const Choice& choice : read_engines(path_, machine))
      lines.push_back(choice.problem + " = " + choice.engine);
    return lines;
  }
  void write(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("engines.jsonl");
};
using Lines = std::vector<std::string>;

TEST_F(EngineFile, GivesBackWhatWasAdded) {
  EXPECT_EQ(read(), Lines{}) << "no file yet";
  add_engine(path_, kMachine, {.problem = "p", .engine = "engine 57, knobs 2=5", .seconds = 1e-4});
  add_engine(path_, kMachine, {.problem = "q", .engine = "algorithm 66"});
  add_engine(path_, kMachine, {.problem = "p", .engine = "engine 3"});
  EXPECT_EQ(read(), (Lines{"p = engine 57, knobs 2=5", "q = algorithm 66", "p = engine 3"}));
}

TEST_F(EngineFile, HoldsForTheSameGpuAndLibrariesAlone) {
  add_engine(path_, kMachine, {.problem = "p", .engine = "engine 57"});
  for (const char* field : {"gpu", "driver", "cudnn"}) {
    json other = kMachine;
    other[field] = "B";
    EXPECT_EQ(read(other), Lines{}) << field;
  }
}

TEST_F(EngineFile, PassesOverWhatIsDamaged) {
  add_engine(path_, kMachine, {.problem = "p", .engine = "engine 1"});
  write("{}\n[1]\nnot JSON\n\n{\"machine\": 3, \"problem\": 1}\n");
  write(json({{"machine", kMachine}, {"problem", "r"}, {"engine", 7}}).dump() + "\n");
  write(json({{"machine", kMachine}, {"problem", "r"}}).dump() + "\n");
  add_engine(path_, kMachine, {.problem = "q", .engine = "engine 2"});
  write(R"({"machine": {"gpu": "A", "driver": 130)");  // cut off
  EXPECT_EQ(read(), (Lines{"p = engine 1", "q = engine 2"}));
}

}  // namespace
}  // namespace dae::test
