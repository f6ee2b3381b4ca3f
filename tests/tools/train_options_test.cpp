// Options of train_cuda by what they do: to what a run prints, to its configuration, and which go
// together.
#include <nlohmann/json.hpp>

#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

// Of the session's own steps.
TEST_F(Programs, AProfileEndsTheSessionThatAsksForOne) {
  make_photos("photos");
  const std::string resume = "train_cuda --resume --out " + path("run");
  for (const auto& [command, steps] : std::vector<std::pair<std::string, std::string>>{
           {train("--steps 2 --profile --out " + path("run")), "\n2 steps; "},
           {resume + " --steps 5 --profile", "\n3 steps; "},
           {resume + " --steps 6", ""}}) {
    const Outcome outcome = run(command);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out.find("ms/step") != std::string::npos, !steps.empty()) << outcome.out;
    EXPECT_NE(outcome.out.find(steps), std::string::npos) << outcome.out;
  }
}

TEST_F(Programs, ResumeFollowsThePicturesThatAreValidatedOn) {
  make_photos("photos");
  std::filesystem::create_directory(path("others"));
  for (uint64_t i = 0; i < 2; i++)
    save_png(path("others/") + std::to_string(i) + ".png", draw_dead_leaves(8, i, 40, 48));
  ASSERT_EQ(run(train("--steps 2 --val " + path("others") + " --out " + path("run"))).code, 0)
      << read("err");
  std::filesystem::rename(path("others"), path("moved"));
  const std::string resume = "train_cuda --resume --steps 3 --out " + path("run");
  EXPECT_EQ(run(resume).code, 1) << "they are not where they were";
  ASSERT_EQ(run(resume + " --val " + path("moved")).code, 0) << read("err");
  EXPECT_EQ(json_file(path("run/config.json"))["data"]["validation"], path("moved"));
}

TEST_F(Programs, ResumeFollowsThePairs) {
  make_photos("photos");
  make_photos("noisy");
  ASSERT_EQ(run(train("--steps 2 --pairs " + path("noisy") + " --out " + path("run"))).code, 0)
      << read("err");
  std::filesystem::rename(path("noisy"), path("moved"));
  const std::string resume = "train_cuda --resume --steps 3 --out " + path("run");
  EXPECT_EQ(run(resume).code, 1) << "they are not where they were";
  ASSERT_EQ(run(resume + " --pairs " + path("moved")).code, 0) << read("err");
  EXPECT_EQ(json_file(path("run/config.json"))["data"]["pairs"], path("moved"));
}

TEST_F(Programs, PairsTakeNothingThatCorruptsOrShrinks) {
  make_photos("photos");
  for (const std::string option :
       {"--max-side 500", "--clip off", "--quantize off", "--order camera", "--noise 3", "--blur 1",
        "--brightness off", "--channel off", "--shot 5", "--grain 0.5", "--common 0.5",
        "--jpeg 50"})
    expect_refused(train("--pairs " + path("photos") + " " + option + " --out " + path("run")), 2,
                   "train_cuda: " + option.substr(0, option.find(' ')) +
                       " says how pictures are corrupted, and --pairs brings them as they are\n");
}

TEST_F(Programs, ClippingAndRoundingAreTwoSwitches) {
  make_photos("photos");
  for (const std::string name : {"clip", "quantize"}) {
    ASSERT_EQ(run(train("--steps 1 --" + name + " off --out " + path(name))).code, 0)
        << read("err");
    const auto corruption = json_file(path(name + "/config.json"))["corruption"];
    EXPECT_EQ(corruption["clip"], name != "clip");
    EXPECT_EQ(corruption["quantize"], name != "quantize");
  }
}

// Nothing, and 0, are all that there are, which OMP_NUM_THREADS says.
TEST_F(Programs, ThreadsAreAllThatThereAreOrAsManyAsAreAskedFor) {
  threads_ = 2;
  make_photos("photos");
  struct Asked {
    std::string name, option;
    int threads;
  };
  for (const Asked& asked : {Asked{"unasked", "", 2},
                             {"zero", " --threads 0", 2},
                             {"one", " --threads 1", 1},
                             {"three", " --threads 3", 3}}) {
    ASSERT_EQ(run(train("--steps 1" + asked.option + " --out " + path(asked.name))).code, 0)
        << read("err");
    const auto config = json_file(path(asked.name + "/config.json"));
    EXPECT_EQ(config["software"]["threads"], asked.threads) << asked.name;
  }
}

}  // namespace
}  // namespace dae::test
