// The mean of a batch's gradient over its shards (model/shards.h), whose sums are added in the order of
// a tree that does not ask where they were computed.
#pragma once

#include <span>

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// part[into] += part[from].
struct TreeMerge {
  int into, from;
};

inline constexpr int kMostTreeParts = 64;

// y = scale * part[0] after the merges, one after the other, on copies of the parts: those stay as they
// are. Each merge is rounded to the tensors' type, and so is the product, so that a sum that is made
// in two calls has the bits of one. Parts and y f32 or, on a GPU, bf16, of one plain shape; y may be a
// part. Throws Error naming the shapes; for no part or more than kMostTreeParts; and for a merge of a
// part that there is not or with itself. The same bits on every device.
void tree_sum(const Queue& q, std::span<const Tensor> parts, std::span<const TreeMerge> merges,
              float scale, const Tensor& y);

namespace cuda {
void tree_sum(void* stream, std::span<const Tensor> parts, std::span<const TreeMerge> merges,
              float scale, const Tensor& y);
}

}  // namespace dae
