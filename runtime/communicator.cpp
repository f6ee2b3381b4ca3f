#include "runtime/communicator.h"

#include <fmt/format.h>

#include <cstdint>

namespace dae {

std::string describe(int rank, const std::string& machine) {
  return fmt::format("rank {} on {}", rank, machine);
}

std::string describe(const Communicator& ranks, int rank) {
  return describe(rank, ranks.machine(rank));
}

void broadcast(Communicator& ranks, void* data, size_t bytes) {
  if (ranks.rank() > 0) {
    const Message take{0, data, bytes};
    return ranks.exchange({}, {&take, 1});
  }
  thread_local std::vector<Message> give;  // a step begins with a broadcast, and allocates nothing
  give.clear();
  for (int peer = 1; peer < ranks.size(); peer++) give.push_back({peer, data, bytes});
  ranks.exchange(give, {});
}

std::string broadcast(Communicator& ranks, std::string text) {
  uint64_t length = text.size();
  broadcast(ranks, &length, sizeof(length));
  text.resize(length);
  broadcast(ranks, text.data(), text.size());
  return text;
}

std::vector<std::string> gather(Communicator& ranks, const std::string& text) {
  std::vector<std::string> all(static_cast<size_t>(ranks.rank() == 0 ? ranks.size() : 0));
  std::vector<uint64_t> lengths(all.size());
  uint64_t length = text.size();
  std::string given = text;
  std::vector<Message> take;
  const auto to_first = [&](void* data, size_t bytes) -> std::vector<Message> {
    if (ranks.rank() == 0) return {};
    return {{0, data, bytes}};
  };
  for (size_t i = 1; i < all.size(); i++)
    take.push_back({static_cast<int>(i), &lengths[i], sizeof(uint64_t)});
  ranks.exchange(to_first(&length, sizeof(length)), take);
  take.clear();
  for (size_t i = 1; i < all.size(); i++) {
    all[i].resize(lengths[i]);
    take.push_back({static_cast<int>(i), all[i].data(), all[i].size()});
  }
  ranks.exchange(to_first(given.data(), given.size()), take);
  if (!all.empty()) all[0] = text;
  return all;
}

void tell_each_other(Communicator& ranks, void* places, size_t bytes) {
  const auto place = [&](int rank) {
    return static_cast<std::byte*>(places) + static_cast<size_t>(rank) * bytes;
  };
  std::vector<Message> give, take;
  for (int peer = 0; peer < ranks.size(); peer++) {
    if (peer == ranks.rank()) continue;
    give.push_back({peer, place(ranks.rank()), bytes});
    take.push_back({peer, place(peer), bytes});
  }
  ranks.exchange(give, take);
}

void meet(Communicator& ranks) {
  std::vector<char> signs(static_cast<size_t>(ranks.size()));
  tell_each_other(ranks, signs.data(), 1);
}

}  // namespace dae
