#include "model/shards.h"

#include <bit>

namespace dae {
namespace {

void add_branches(ShardRange branch, ShardRange range, std::vector<ShardRange>& found) {
  if (range.begin <= branch.begin && branch.end <= range.end) {
    found.push_back(branch);
  } else if (branch.begin < range.end && range.begin < branch.end) {
    add_branches({branch.begin, middle(branch)}, range, found);
    add_branches({middle(branch), branch.end}, range, found);
  }
}

// Returns where the branch's sum lies; `next` is the first of the branches that has not been met.
int add_merges(ShardRange branch, const std::vector<ShardRange>& branches, int& next,
               std::vector<TreeMerge>& merges) {
  if (branches[static_cast<size_t>(next)] == branch) return next++;
  const int left = add_merges({branch.begin, middle(branch)}, branches, next, merges);
  const int right = add_merges({middle(branch), branch.end}, branches, next, merges);
  merges.push_back({left, right});
  return left;
}

}  // namespace

int64_t middle(ShardRange branch) {
  const auto count = static_cast<uint64_t>(branch.end - branch.begin);
  return branch.begin + static_cast<int64_t>(std::bit_floor(count - 1));
}

ShardRange shards_of(int64_t shards, int ranks, int rank) {
  const int64_t each = shards / ranks;
  return {rank * each, (rank + 1) * each};
}

std::vector<ShardRange> branches_of(int64_t shards, ShardRange range) {
  std::vector<ShardRange> found;
  add_branches({0, shards}, range, found);
  return found;
}

std::vector<TreeMerge> merges_of(int64_t shards, const std::vector<ShardRange>& branches) {
  std::vector<TreeMerge> merges;
  int next = 0;
  add_merges({0, shards}, branches, next, merges);
  return merges;
}

}  // namespace dae
