#include "runtime/communicator.h"

#include "tests/support/thread_ranks.h"

namespace dae::test {
namespace {

TEST(Communicator, WhatRankZeroHasEveryRankGets) {
  ThreadRanks::run(3, [](Communicator& ranks) {
    int number = ranks.rank() == 0 ? 7 : 0;
    broadcast(ranks, &number, sizeof(number));
    EXPECT_EQ(number, 7);
    const std::string long_text(100'000, 'x');
    EXPECT_EQ(broadcast(ranks, ranks.rank() == 0 ? long_text : "mine"), long_text);
    EXPECT_EQ(broadcast(ranks, ranks.rank() == 0 ? "" : "mine"), "");
  });
}

TEST(Communicator, RankZeroHearsAllInTheirOrder) {
  ThreadRanks::run(3, [](Communicator& ranks) {
    const std::vector<std::string> said =
        gather(ranks, std::string(static_cast<size_t>(ranks.rank()), 'a'));
    if (ranks.rank() == 0)
      EXPECT_EQ(said, (std::vector<std::string>{"", "a", "aa"}));
    else
      EXPECT_TRUE(said.empty());
  });
}

TEST(Communicator, ARankIsNamedWithItsMachine) {
  ThreadRanks::run(
      2, [](Communicator& ranks) { EXPECT_EQ(describe(ranks, 1), "rank 1 on machine1"); });
}

}  // namespace
}  // namespace dae::test
