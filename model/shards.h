// Shards: equal parts of a step's batch, each of which has a gradient of its own. The step's gradient is
// their mean, summed along one tree over all shards:
//
//              [0, 6)
//         [0, 4)     [4, 6)        a range is halved where its larger half, the left one, has a power of
//      [0,2) [2,4)  [4,5) [5,6)    two of them
//
// So the sum does not depend on who computed which: a rank that has the shards [2, 4) adds them itself,
// one that has [3, 5) gives away both, and the additions are the same. Whoever has a part of the shards
// has whole branches of that tree, as few as cover it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/tree_sum.h"

namespace dae {

inline constexpr int64_t kMostShards = kMostTreeParts;

struct ShardRange {
  int64_t begin, end;
  bool operator==(const ShardRange&) const = default;
};

// Where a branch of two shards or more is halved.
int64_t middle(ShardRange branch);

// Of `shards` in all, those of a rank: equal parts, in the order of the ranks. `ranks` divides `shards`.
ShardRange shards_of(int64_t shards, int ranks, int rank);

// The fewest branches of the tree over `shards` that make up `range`, from left to right.
std::vector<ShardRange> branches_of(int64_t shards, ShardRange range);

// The additions that make the whole tree's sum, in the place of the first, of branches that follow each
// other from its first shard to its last.
std::vector<TreeMerge> merges_of(int64_t shards, const std::vector<ShardRange>& branches);

}  // namespace dae
