#include "runtime/layout.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "runtime/rounding.h"

namespace dae {
namespace {

struct Access {
  TensorId root;
  size_t begin, end;  // bytes inside the root
  bool write;
};

std::vector<Access> accesses_of(const Plan& plan, const Step& step) {
  std::vector<Access> accesses;
  const auto note = [&](TensorId id, bool write) {
    const TensorInfo& info = plan.tensors()[id];
    accesses.push_back({info.root, info.offset, info.offset + info.view.bytes(), write});
  };
  for (const TensorId id : step.reads) note(id, false);
  for (const TensorId id : step.writes) note(id, true);
  for (const TensorId id : step.scratch) note(id, true);
  return accesses;
}

bool conflict(const std::vector<Access>& a, const std::vector<Access>& b) {
  for (const Access& x : a)
    for (const Access& y : b)
      if (x.root == y.root && (x.write || y.write) && x.begin < y.end && y.begin < x.end)
        return true;
  return false;
}

// clock[i][s]: the last step of stream s that is over when step i starts, or -1. A step counts as
// its own stream's last.
using Clocks = std::vector<std::vector<int>>;

Clocks order_steps(const Plan& plan, bool one_stream, std::vector<std::vector<int>>& waits) {
  const std::vector<Step>& steps = plan.steps();
  const int count = static_cast<int>(steps.size());
  const auto stream_of = [&](int i) { return one_stream ? 0 : steps[i].stream; };
  int streams = 1;
  std::vector<std::vector<Access>> accesses;
  for (int i = 0; i < count; i++) {
    streams = std::max(streams, stream_of(i) + 1);
    accesses.push_back(accesses_of(plan, steps[i]));
  }
  Clocks clocks(count, std::vector<int>(streams, -1));
  std::vector<int> last(streams, -1);
  waits.assign(count, {});
  const auto merge = [&](int i, int earlier) {
    for (int s = 0; s < streams; s++) clocks[i][s] = std::max(clocks[i][s], clocks[earlier][s]);
  };
  for (int i = 0; i < count; i++) {
    if (const int before = last[stream_of(i)]; before >= 0) merge(i, before);
    // Latest first: an event of a late step often makes waiting for the earlier ones unnecessary.
    for (int j = i - 1; j >= 0; j--) {
      if (clocks[i][stream_of(j)] >= j) continue;
      const std::vector<int>& after = steps[i].after;
      if (std::ranges::find(after, j) == after.end() && !conflict(accesses[i], accesses[j]))
        continue;
      waits[i].push_back(j);
      merge(i, j);
    }
    clocks[i][stream_of(i)] = i;
    last[stream_of(i)] = i;
  }
  return clocks;
}

struct Lifetime {
  TensorId root = kNoTensor;
  size_t bytes = 0;
  std::map<int, std::pair<int, int>> uses;  // by stream: first and last step
  bool kept = false;                        // for who reads it after the last step
};

bool before(const Lifetime& a, const Lifetime& b, const Clocks& clocks) {
  if (a.kept) return false;
  for (const auto& [a_stream, a_use] : a.uses)
    for (const auto& [b_stream, b_use] : b.uses)
      if (clocks[b_use.first][a_stream] < a_use.second || b_use.first == a_use.second) return false;
  return true;
}

// By root: tensors that steps use and the arena provides.
std::vector<Lifetime> lifetimes_of(const Plan& plan, bool one_stream) {
  std::map<TensorId, Lifetime> by_root;
  for (int i = 0; i < static_cast<int>(plan.steps().size()); i++) {
    const Step& step = plan.steps()[i];
    for (const Access& access : accesses_of(plan, step)) {
      const TensorInfo& root = plan.tensors()[access.root];
      if (root.external()) continue;
      Lifetime& lifetime = by_root[access.root];
      lifetime.root = access.root;
      lifetime.bytes = round_up(root.view.bytes(), kTensorAlignment);
      const auto [use, first] = lifetime.uses.try_emplace(one_stream ? 0 : step.stream, i, i);
      if (!first) use->second.second = i;
    }
  }
  for (const TensorId id : plan.outputs())
    if (const auto kept = by_root.find(plan.tensors()[id].root); kept != by_root.end())
      kept->second.kept = true;
  std::vector<Lifetime> lifetimes;
  for (auto& [root, lifetime] : by_root) lifetimes.push_back(std::move(lifetime));
  return lifetimes;
}

}  // namespace

// Greedy by size, each at the lowest gap that fits among the tensors it may not share with: the
// usual heuristic for this NP-hard packing (Pisarchyk & Lee, 2020), within a few percent of the
// largest sum of live tensors on our networks.
Layout lay_out(const Plan& plan, bool one_stream) {
  Layout layout;
  const Clocks clocks = order_steps(plan, one_stream, layout.waits);
  std::vector<Lifetime> lifetimes = lifetimes_of(plan, one_stream);
  std::stable_sort(lifetimes.begin(), lifetimes.end(),
                   [](const Lifetime& a, const Lifetime& b) { return a.bytes > b.bytes; });

  std::vector<size_t> place(lifetimes.size());
  for (size_t i = 0; i < lifetimes.size(); i++) {
    std::vector<std::pair<size_t, size_t>> taken;
    for (size_t j = 0; j < i; j++)
      if (!before(lifetimes[i], lifetimes[j], clocks) &&
          !before(lifetimes[j], lifetimes[i], clocks))
        taken.emplace_back(place[j], place[j] + lifetimes[j].bytes);
    std::sort(taken.begin(), taken.end());
    size_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + lifetimes[i].bytes <= begin) break;
      offset = std::max(offset, end);
    }
    place[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + lifetimes[i].bytes);
    layout.bytes_unshared += lifetimes[i].bytes;
  }

  std::map<TensorId, size_t> offset_of_root;
  for (size_t i = 0; i < lifetimes.size(); i++) offset_of_root[lifetimes[i].root] = place[i];
  for (const TensorInfo& info : plan.tensors()) {
    const auto root = offset_of_root.find(info.root);
    layout.offsets.push_back(root == offset_of_root.end() ? 0 : root->second + info.offset);
  }
  return layout;
}

}  // namespace dae
