#include "kernels/tree_sum.h"

#include <algorithm>
#include <array>

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// A chunk of every part, 128 KB, lies on a thread's stack and in the second level of cache.
constexpr int64_t kChunk = 512;

void tree_sum_cpu(std::span<const Tensor> parts, std::span<const TreeMerge> merges, float scale,
                  const Tensor& y) {
  parallel_chunks(y.count(), kChunk, [&](int64_t begin, int64_t end) {
    std::array<std::array<float, kChunk>, kMostTreeParts> values;
    const int64_t n = end - begin;
    for (size_t i = 0; i < parts.size(); i++)
      std::copy_n(parts[i].as<const float>() + begin, n, values[i].begin());
    for (const auto& [into, from] : merges)
      for (int64_t k = 0; k < n; k++) values[into][k] += values[from][k];
    for (int64_t k = 0; k < n; k++) y.as<float>()[begin + k] = scale * values[0][k];
  });
}

}  // namespace

void tree_sum(const Queue& q, std::span<const Tensor> parts, std::span<const TreeMerge> merges,
              float scale, const Tensor& y) {
  if (parts.empty() || parts.size() > kMostTreeParts)
    fail("tree_sum: {} parts, expected 1 to {}", parts.size(), kMostTreeParts);
  check_float("tree_sum", "y", y, q.device);
  for (const Tensor& part : parts) check_same_layout("tree_sum", "a part and y", part, y);
  for (const Tensor& part : parts) check_dtype("tree_sum", "a part", part, y.dtype);
  const auto is_part = [&](int i) { return i >= 0 && i < static_cast<int>(parts.size()); };
  for (const auto& [into, from] : merges)
    if (!is_part(into) || !is_part(from) || into == from)
      fail("tree_sum: {} is added to {} of {} parts", from, into, parts.size());
  if (merges.size() >= kMostTreeParts)
    fail("tree_sum: {} merges of {} parts", merges.size(), parts.size());
  DAE_DISPATCH(q, tree_sum_cpu(parts, merges, scale, y),
               cuda::tree_sum(q.stream, parts, merges, scale, y));
}

}  // namespace dae
