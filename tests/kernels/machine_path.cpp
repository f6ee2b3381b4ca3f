#include "tests/kernels/machine_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>

namespace dae::test {
namespace {

// Basic blocks, their successors, and natural loops by the block that is their head.
struct Flow {
  std::vector<int> size;
  std::vector<std::vector<int>> next;
  std::map<int, std::set<int>> loops;
};

bool has(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

// Ends a block; a divergent warp's detour (BRA.DIV) and calls come back and are no branches here.
bool is_branch(const std::string& text) {
  return (has(text, "BRA ") || has(text, "BRA.U ") || has(text, "BRX") || has(text, "EXIT") ||
          has(text, "RET.")) &&
         !has(text, "BRA.DIV");
}

Flow flow_of(const MachineLines& lines) {
  Flow flow;
  std::vector<std::string> last;  // instruction of each block
  std::map<std::string, int> labels;
  bool goes_on = false;
  for (const std::string& line : lines) {
    if (line.ends_with(':')) {
      goes_on = false;
      labels[line.substr(0, line.size() - 1)] = static_cast<int>(last.size());
      continue;
    }
    if (!goes_on) {
      last.emplace_back();
      flow.size.push_back(0);
    }
    last.back() = line;
    flow.size.back() += line != "NOP";
    goes_on = !is_branch(line);
  }
  const std::regex label(R"(\.L_x_\d+)");
  const int blocks = static_cast<int>(last.size());
  flow.next.resize(last.size());
  for (int i = 0; i < blocks; i++) {
    const std::string& text = last[static_cast<size_t>(i)];
    std::set<int> next;
    const bool branches = is_branch(text);
    if (branches)
      for (std::sregex_iterator at(text.begin(), text.end(), label), end; at != end; ++at)
        if (const auto to = labels.find(at->str()); to != labels.end()) next.insert(to->second);
    const bool conditional =
        text.starts_with('@') || std::regex_search(text, std::regex(R"(BRA[.U]* !?U?P\d)"));
    if ((!branches || conditional) && i + 1 < blocks) next.insert(i + 1);
    std::erase_if(next, [&](int block) { return block >= blocks; });
    flow.next[static_cast<size_t>(i)].assign(next.begin(), next.end());
  }

  std::vector<std::vector<int>> before(last.size());
  for (int i = 0; i < blocks; i++)
    for (const int to : flow.next[static_cast<size_t>(i)])
      before[static_cast<size_t>(to)].push_back(i);
  enum class Seen { no, open, done };
  std::vector<Seen> seen(last.size(), Seen::no);
  std::vector<std::pair<int, int>> back;
  const std::function<void(int)> visit = [&](int block) {
    seen[static_cast<size_t>(block)] = Seen::open;
    for (const int to : flow.next[static_cast<size_t>(block)]) {
      if (seen[static_cast<size_t>(to)] == Seen::open) back.emplace_back(block, to);
      if (seen[static_cast<size_t>(to)] == Seen::no) visit(to);
    }
    seen[static_cast<size_t>(block)] = Seen::done;
  };
  if (blocks > 0) visit(0);
  for (const auto& [from, head] : back) {
    std::set<int>& body = flow.loops[head];
    body.insert(head);
    std::vector<int> open_ends = {from};
    while (!open_ends.empty()) {
      const int block = open_ends.back();
      open_ends.pop_back();
      if (seen[static_cast<size_t>(block)] != Seen::done || !body.insert(block).second) continue;
      for (const int earlier : before[static_cast<size_t>(block)]) open_ends.push_back(earlier);
    }
  }
  return flow;
}

// The loops that lie in `blocks`, but for the one whose head is `within`, and in no other such loop.
std::vector<int> outermost(const Flow& flow, const std::set<int>& blocks, int within) {
  const auto inside = [](const std::set<int>& small, const std::set<int>& large) {
    return std::includes(large.begin(), large.end(), small.begin(), small.end());
  };
  std::vector<int> heads;
  for (const auto& [head, body] : flow.loops)
    if (head != within && inside(body, blocks)) heads.push_back(head);
  std::vector<int> outer;
  for (const int head : heads)
    if (std::none_of(heads.begin(), heads.end(), [&](int other) {
          return other != head && inside(flow.loops.at(head), flow.loops.at(other));
        }))
      outer.push_back(head);
  return outer;
}

// Through `blocks` from `head`, each loop among them as one block.
double longest(const Flow& flow, const std::set<int>& blocks, int head, bool is_loop,
               const std::map<int, double>& trips) {
  std::map<int, int> stands_for;  // of a block in a loop: the loop's head
  std::map<int, double> weight;
  for (const int inner : outermost(flow, blocks, is_loop ? head : -1)) {
    const std::set<int>& body = flow.loops.at(inner);
    for (const int block : body) stands_for[block] = inner;
    weight[inner] = trips.at(inner) * longest(flow, body, inner, true, trips);
  }
  const auto group = [&](int block) {
    const auto found = stands_for.find(block);
    return found == stands_for.end() ? block : found->second;
  };
  std::map<int, std::set<int>> next;
  for (const int block : blocks) {
    if (!stands_for.contains(block)) weight[block] = flow.size[static_cast<size_t>(block)];
    for (const int to : flow.next[static_cast<size_t>(block)])
      if (blocks.contains(to) && !(is_loop && to == head) && group(to) != group(block))
        next[group(block)].insert(group(to));
  }
  std::map<int, double> known;
  const std::function<double(int)> from = [&](int block) -> double {
    if (const auto found = known.find(block); found != known.end()) return found->second;
    known[block] = weight[block];  // what goes round without a head is cut there
    double most = 0;
    for (const int to : next[block]) most = std::max(most, from(to));
    return known[block] = weight[block] + most;
  };
  return from(group(head));
}

}  // namespace

double longest_path(const MachineLines& kernel, const std::vector<double>& trips) {
  const Flow flow = flow_of(kernel);
  if (flow.loops.size() != trips.size())
    throw std::runtime_error(
        fmt::format("{} loops, but trips for {}", flow.loops.size(), trips.size()));
  std::map<int, double> of_head;
  size_t nth = 0;
  for (const auto& [head, body] : flow.loops) of_head[head] = trips[nth++];
  std::set<int> all;
  for (size_t i = 0; i < flow.size.size(); i++) all.insert(static_cast<int>(i));
  return all.empty() ? 0 : longest(flow, all, 0, false, of_head);
}

std::vector<int> loop_sizes(const MachineLines& kernel) {
  const Flow flow = flow_of(kernel);
  std::vector<int> sizes;
  for (const auto& [head, body] : flow.loops) {
    int size = 0;
    for (const int block : body) size += flow.size[static_cast<size_t>(block)];
    sizes.push_back(size);
  }
  return sizes;
}

}  // namespace dae::test
