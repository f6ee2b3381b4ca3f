// How an engine is chosen among those that a library offers: by time, unless one was recorded.
#include "runtime/engines.h"

#include <gtest/gtest.h>

namespace dae::cuda_libraries {
namespace {

const std::vector<Offer> kOffers = {{"slow", 8}, {"fast", 16}, {"even", 0}};
const std::vector<double> kSeconds = {3, 1, 2};

TEST(Engines, TheFastestIsTakenAndRecorded) {
  const size_t before = choices().size();
  EXPECT_EQ(choose("a problem", kOffers, [](size_t i) { return kSeconds[i]; }), 1u);
  ASSERT_EQ(choices().size(), before + 1);
  const Choice& choice = choices().back();
  EXPECT_EQ(choice.problem, "a problem");
  EXPECT_EQ(choice.engine, "fast");
  EXPECT_EQ(choice.candidates, 3);
  EXPECT_EQ(choice.workspace, 16u);
  EXPECT_EQ(choice.seconds, 1);
}

TEST(Engines, WithoutAGpuTheFirstIsTaken) {
  EXPECT_EQ(choose("a problem", kOffers, {}), 0u);
}

TEST(Engines, WhatWasRecordedIsTakenUntimed) {
  reuse({{.problem = "known", .engine = "even"}, {.problem = "gone", .engine = "withdrawn"}});
  int timed = 0;
  const auto time = [&](size_t i) {
    timed++;
    return kSeconds[i];
  };
  EXPECT_EQ(choose("known", kOffers, time), 2u);
  EXPECT_EQ(timed, 0);
  EXPECT_EQ(choose("gone", kOffers, time), 1u);
  EXPECT_EQ(choose("new", kOffers, time), 1u);
  reuse({});
  EXPECT_EQ(choose("known", kOffers, time), 1u);
}

}  // namespace
}  // namespace dae::cuda_libraries
