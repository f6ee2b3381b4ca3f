// How an engine is chosen among those that a library offers: by time, unless one was recorded.
#include "kernels/layers/engines.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae::cuda_libraries {
namespace {

const std::vector<Offer> kOffers = {{"slow"}, {"fast"}, {"even"}};
const std::vector<double> kSeconds = {3, 1, 2};

// Offers that take so many seconds, and what was asked of them.
struct Bench {
  explicit Bench(std::vector<Offer> offered = kOffers, std::vector<double> seconds = kSeconds)
      : seconds_(std::move(seconds)) {
    candidates.offered = std::move(offered);
    candidates.build = [this](size_t i) {
      built.push_back(i);
      if (fails_to_build.contains(i)) fail("engine {} is not for this", i);
      return 16 * i;
    };
    candidates.time = [this](size_t i) {
      timed.push_back(i);
      if (fails_to_run.contains(i)) fail("engine {} failed", i);
      if (is_too_large.contains(i)) throw OutOfMemory("out of memory");
      if (breaks_the_gpu.contains(i)) throw DeviceLost("lost");
      return seconds_[i];
    };
  }
  Bench(const Bench&) = delete;

  Candidates candidates;
  std::vector<size_t> built, timed;
  std::set<size_t> fails_to_build, fails_to_run, is_too_large, breaks_the_gpu;

 private:
  std::vector<double> seconds_;
};
using Places = std::vector<size_t>;

class Engines : public testing::Test {
 protected:
  ~Engines() override {
    reuse({});
    remember({}, {});
  }
};

TEST_F(Engines, TheFastestIsTakenAndRecorded) {
  const size_t before = choices().size();
  EXPECT_EQ(choose("a problem", Bench().candidates), 1u);
  ASSERT_EQ(choices().size(), before + 1);
  const Choice choice = choices().back();
  EXPECT_EQ(choice.problem, "a problem");
  EXPECT_EQ(choice.engine, "fast");
  EXPECT_EQ(choice.candidates, 3);
  EXPECT_EQ(choice.workspace, 16u);
  EXPECT_EQ(choice.seconds, 1);
}

TEST_F(Engines, WithoutAGpuTheFirstThatCanBeBuiltIsTaken) {
  Bench bench;
  bench.candidates.time = {};
  bench.fails_to_build = {0};
  EXPECT_EQ(choose("a problem", bench.candidates), 1u);
  EXPECT_EQ(bench.built, (Places{0, 1}));
}

TEST_F(Engines, OneThatFailsIsPassedOver) {
  Bench bench;
  bench.fails_to_build = {1};
  EXPECT_EQ(choose("one problem", bench.candidates), 2u);
  bench.fails_to_build = {};
  bench.fails_to_run = {1};
  EXPECT_EQ(choose("another", bench.candidates), 2u);
  bench.fails_to_run = {0};
  bench.is_too_large = {1};
  EXPECT_EQ(choose("a third", bench.candidates), 2u);
}

TEST_F(Engines, NoneLeftIsAnErrorThatSaysWhy) {
  const size_t before = choices().size();
  Bench bench;
  bench.fails_to_build = {0, 1};
  bench.fails_to_run = {2};
  try {
    choose("a problem", bench.candidates);
    FAIL() << "chosen";
  } catch (const NoEngine& error) {
    EXPECT_STREQ(error.what(),
                 "none of 3 engines can be used for a problem, 3 of which were tried; the last: "
                 "engine 2 failed");
  }
  bench.is_too_large = {0};
  bench.fails_to_build = {1, 2};
  EXPECT_THROW(choose("a problem", bench.candidates), OutOfMemory);
  EXPECT_EQ(choices().size(), before);
}

TEST_F(Engines, ALostGpuEndsItAtOnce) {
  Bench bench;
  bench.breaks_the_gpu = {0};
  EXPECT_THROW(choose("a problem", bench.candidates), DeviceLost);
  EXPECT_EQ(bench.timed, Places{0});
}

// Building is what costs: what is not timed is not built. Those that failed do not count.
TEST_F(Engines, EightAreBuiltAndTwoOfThoseThatCompile) {
  std::vector<Offer> offered(20, Offer{"ready"});
  for (const size_t i : {0, 2, 3}) offered[i].compiles = true;
  std::vector<double> seconds(20, 2);
  seconds[9] = 1;
  seconds[3] = seconds[10] = 0.5;
  Bench bench(offered, seconds);
  EXPECT_EQ(choose("a problem", bench.candidates), 0u);
  EXPECT_EQ(bench.built, (Places{0, 1, 2, 4, 5, 6, 7, 8}));
  EXPECT_EQ(bench.timed, bench.built);
  bench.built = {};
  bench.fails_to_run = {1};
  EXPECT_EQ(choose("another", bench.candidates), 9u);
  EXPECT_EQ(bench.built, (Places{0, 1, 2, 4, 5, 6, 7, 8, 9}));
}

TEST_F(Engines, WhatWasRecordedIsTakenUntimed) {
  reuse({{.problem = "known", .engine = "even"}, {.problem = "gone", .engine = "withdrawn"}});
  Bench bench;
  EXPECT_EQ(choose("known", bench.candidates), 2u);
  EXPECT_EQ(bench.built, Places{2});
  EXPECT_EQ(bench.timed, Places{});
  EXPECT_EQ(choices().back().workspace, 32u);
  EXPECT_EQ(choose("gone", bench.candidates), 1u);
  EXPECT_EQ(choose("new", bench.candidates), 1u);
  bench.fails_to_build = {2};
  EXPECT_EQ(choose("known", bench.candidates), 1u) << "what cannot be built any more";
  bench.fails_to_build = {};
  reuse({});
  EXPECT_EQ(choose("known", bench.candidates), 1u);
}

TEST_F(Engines, WhatEarlierProcessesChoseComesAfterTheRunsOwn) {
  std::vector<std::string> noted;
  remember({{.problem = "a problem", .engine = "slow"}},
           [&](const Choice& choice) { noted.push_back(choice.problem + ": " + choice.engine); });
  Bench bench;
  EXPECT_EQ(choose("a problem", bench.candidates), 0u);
  reuse({{.problem = "a problem", .engine = "even"}});
  EXPECT_EQ(choose("a problem", bench.candidates), 2u);
  EXPECT_EQ(noted, std::vector<std::string>{}) << "nothing new to tell the next process";
  EXPECT_EQ(choose("new", bench.candidates), 1u);
  EXPECT_EQ(noted, std::vector<std::string>{"new: fast"});
}

// Two plans of a process must not differ because two measurements do.
TEST_F(Engines, AProblemIsTimedOnceAndToldOnce) {
  Bench bench;
  EXPECT_EQ(choose("a problem", bench.candidates), 1u);
  const size_t told = choices().size();
  Bench other(kOffers, {1, 2, 3});
  EXPECT_EQ(choose("a problem", other.candidates), 1u);
  EXPECT_EQ(other.timed, Places{});
  EXPECT_EQ(choices().size(), told);
  reuse({{.problem = "a problem", .engine = "even"}});
  EXPECT_EQ(choose("a problem", other.candidates), 2u) << "a run's own comes first";
  EXPECT_EQ(choices().back().engine, "even");
}

// --- Candidates from several sources ------------------------------------------------------------

// A routine that says who ran, with its workspace.
class Named : public Routine {
 public:
  Named(std::string name, size_t workspace, std::string& ran)
      : name_(std::move(name)), workspace_(workspace), ran_(ran) {}
  size_t workspace_bytes() const override { return workspace_; }
  using Routine::run;
  void run(void*, std::span<const void* const>, void*) override { ran_ = name_; }

 private:
  std::string name_;
  size_t workspace_;
  std::string& ran_;
};

class Sources : public Engines {
 protected:
  Candidate candidate(const std::string& name, size_t workspace) {
    return {{name}, [=, this] {
              built.push_back(name);
              return [=, this] { return std::make_shared<Named>(name, workspace, ran); };
            }};
  }
  std::string run(const MakeRoutine& make) {
    make()->run(nullptr, {}, nullptr);
    return ran;
  }

  std::string ran;
  std::vector<std::string> built;
  // What a library has for a problem, and a kernel of one's own after it.
  const std::vector<Candidate> candidates = {candidate("library's 1", 64),
                                             candidate("library's 2", 32), candidate("ours", 0)};
};

TEST_F(Sources, AKernelOfOnesOwnIsTakenWhereItIsTheFastest) {
  const auto seconds = [&](Routine& routine) {
    routine.run(nullptr, {}, nullptr);
    return ran == "ours" ? 1.0 : 2.0;
  };
  EXPECT_EQ(run(choose("a convolution", candidates, seconds)), "ours");
  EXPECT_EQ(choices().back().engine, "ours");
  EXPECT_EQ(choices().back().candidates, 3);
  EXPECT_EQ(choices().back().workspace, 0u);
  const auto by_workspace = [](Routine& routine) {
    return routine.workspace_bytes() == 32 ? 1.0 : 2.0;
  };
  EXPECT_EQ(run(choose("another", candidates, by_workspace)), "library's 2");
}

TEST_F(Sources, ARecordedOneIsFoundAgainByItsName) {
  reuse({{.problem = "a convolution", .engine = "ours"}});
  EXPECT_EQ(run(choose("a convolution", candidates, {})), "ours");
  EXPECT_EQ(built, std::vector<std::string>{"ours"});
}

TEST_F(Sources, EachLayerHasARoutineOfItsOwn) {
  const MakeRoutine make = choose("a convolution", candidates, {});
  EXPECT_EQ(run(make), "library's 1");
  EXPECT_NE(make(), make());
  EXPECT_EQ(built, std::vector<std::string>{"library's 1"}) << "and is built once";
}

}  // namespace
}  // namespace dae::cuda_libraries
