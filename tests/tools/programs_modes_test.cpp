// Programs that are used in several ways take in each what belongs to it, and name what does not: every option
// that --help lists is tried.
#include <map>
#include <regex>
#include <set>

#include "tests/support/programs.h"

namespace dae::test {
namespace {

class ProgramsModes : public Programs {
 protected:
  // "--views 1", by what --help says: a value that is one for this option.
  std::vector<std::string> options_of(const std::string& program) {
    static const std::map<std::string, std::string> values = {
        {"--train", "small"}, {"--dataset", "synthetic"}, {"--view", "whole"}, {"--device", "cpu"},
        {"--size", "16"},     {"--order", "camera"},      {"--clip", "on"},    {"--quantize", "on"},
        {"--jpeg", "50"},     {"--json", path("j.json")}, {"--pairs", "a b"},  {"--edges", ""}};
    const std::string help = run(program + " --help").out;
    static const std::regex listed("\n  (--[a-z-]+)");
    std::vector<std::string> options;
    for (std::sregex_iterator it(help.begin(), help.end(), listed), end; it != end; ++it) {
      const std::string name = (*it)[1];
      if (name == "--version" || name == "--out") continue;
      const auto value = values.find(name);
      options.push_back(name + " " + (value == values.end() ? "1" : value->second));
    }
    return options;
  }
  // That with `mode` all options but `taken` are named and nothing is done.
  void expect_others_refused(const std::string& program, const std::string& mode,
                             const std::set<std::string>& taken) {
    int refused = 0;
    for (const std::string& option : options_of(program)) {
      const std::string name = option.substr(0, option.find(' '));
      if (taken.contains(name)) continue;
      expect_refused(program + " " + mode + " " + option, 2, name);
      refused++;
    }
    EXPECT_GT(refused, 10);
  }
  // That these are taken together: what is refused is the GPU that is hidden, which is asked for after them.
  void expect_taken(const std::string& command) {
    const Outcome outcome = run(command + " --device cuda", "CUDA_VISIBLE_DEVICES=");
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_NE(outcome.err.find("--device cuda"), std::string::npos) << outcome.err;
  }
};

// What is empty is a variable that somebody forgot to set: it must not leave the default in place.
TEST_F(ProgramsModes, NoOptionTakesAnEmptyValue) {
  const std::map<std::string, std::string> commands = {
      {"train_cuda", " --dataset synthetic --steps 1"},
      {"denoise", " x"},
      {"corrupt", " synthetic --out x"},
      {"evaluate", " x"},
      {"export", " x"},
      {"blur_report", " --out x"},
      {"study", " --vary lr=1e-3,2e-3 --out x"}};
  static const std::regex takes_a_value("\n  (--[a-z-]+) [A-Z]");
  for (const auto& [program, command] : commands) {
    const std::string help = run(program + " --help").out;
    int tried = 0;
    for (std::sregex_iterator it(help.begin(), help.end(), takes_a_value), end; it != end; ++it) {
      const std::string option = (*it)[1];
      if (command.find(option) != std::string::npos) continue;
      expect_refused(program + command + " " + option + " ''", 2, option);
      tried++;
    }
    EXPECT_GE(tried, 1) << program;
  }
  for (const char* const command : {"denoise ''", "export ''", "evaluate ''"})
    expect_refused(command, 2, ": what is given is empty");
}

TEST_F(ProgramsModes, BlurReportOfEdges) {
  const std::string mode = "--edges --out " + path("run");
  expect_taken("blur_report " + mode + " --steps 5 --seed 2 --threads 1 --json " + path("j.json"));
  expect_others_refused("blur_report", mode,
                        {"--edges", "--steps", "--seed", "--json", "--threads", "--device"});
}

TEST_F(ProgramsModes, BlurReportOfASetting) {
  const std::string mode = "--train small --dataset synthetic --out " + path("run");
  expect_taken("blur_report " + mode + " --runs " + path("runs") + " --time 1 --threads 1 --json " +
               path("j.json"));
  expect_others_refused(
      "blur_report", mode,
      {"--train", "--runs", "--time", "--dataset", "--json", "--threads", "--device"});
}

TEST_F(ProgramsModes, EvaluateOfPairs) {
  expect_others_refused("evaluate", "--pairs a b", {"--pairs", "--json"});
}

}  // namespace
}  // namespace dae::test
