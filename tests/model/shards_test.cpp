#include "model/shards.h"

#include <gtest/gtest.h>

#include <string>

namespace dae::test {
namespace {

// How a binary counter adds: a number joins the one before it while both are sums of equally many. What is
// left is added from the right.
std::string counted(int64_t shards) {
  std::vector<std::pair<int64_t, std::string>> sums;
  const auto add = [&] {
    const auto right = sums.back();
    sums.pop_back();
    sums.back() = {sums.back().first + right.first,
                   "(" + sums.back().second + "+" + right.second + ")"};
  };
  for (int64_t i = 0; i < shards; i++) {
    sums.emplace_back(1, std::to_string(i));
    while (sums.size() > 1 && sums[sums.size() - 2].first == sums.back().first) add();
  }
  while (sums.size() > 1) add();
  return sums.front().second;
}

// A branch as the ranks compute it: by its halves.
std::string computed(ShardRange branch) {
  if (branch.end - branch.begin == 1) return std::to_string(branch.begin);
  const int64_t half = middle(branch);
  return "(" + computed({branch.begin, half}) + "+" + computed({half, branch.end}) + ")";
}

TEST(Shards, AnyNumberOfRanksAddsInTheOrderOfABinaryCounter) {
  for (int64_t shards = 1; shards <= kMostShards; shards++)
    for (int ranks = 1; ranks <= shards; ranks++) {
      if (shards % ranks != 0) continue;
      std::vector<ShardRange> branches;
      std::vector<std::string> sums;
      for (int rank = 0; rank < ranks; rank++)
        for (const ShardRange& branch : branches_of(shards, shards_of(shards, ranks, rank))) {
          branches.push_back(branch);
          sums.push_back(computed(branch));
        }
      for (const auto& [into, from] : merges_of(shards, branches)) {
        sums[into] = "(" + sums[into] + "+" + sums[from] + ")";
        sums[from] = "used up";
      }
      EXPECT_EQ(sums[0], counted(shards)) << shards << " shards on " << ranks << " ranks";
    }
}

TEST(Shards, RanksHaveEqualPartsInTheirOrder) {
  EXPECT_EQ(shards_of(12, 4, 0), (ShardRange{0, 3}));
  EXPECT_EQ(shards_of(12, 4, 3), (ShardRange{9, 12}));
}

TEST(Shards, BranchesAreAsFewAsCoverTheRange) {
  EXPECT_EQ(branches_of(8, {0, 8}), (std::vector<ShardRange>{{0, 8}}));
  EXPECT_EQ(branches_of(8, {4, 8}), (std::vector<ShardRange>{{4, 8}}));
  EXPECT_EQ(branches_of(6, {2, 4}), (std::vector<ShardRange>{{2, 4}}));
  EXPECT_EQ(branches_of(6, {3, 6}), (std::vector<ShardRange>{{3, 4}, {4, 6}}));
  EXPECT_EQ(branches_of(12, {3, 6}), (std::vector<ShardRange>{{3, 4}, {4, 6}}));
}

}  // namespace
}  // namespace dae::test
