// Two ranks, which tests/reliability/ranks_test.py launches. The second stops and the first waits for what never
// happens, as for a GPU: says what it hears. With any argument the first gives the second more than MPI counts at once,
// which says how that begins and ends.
#include <fmt/core.h>

#include <csignal>
#include <cstdlib>

#include "ranks/join.h"

namespace {

// A gibibyte and four bytes: two parts.
void give_much() {
  constexpr size_t kBytes = (size_t{1} << 30) + 4;
  const auto ranks = dae::join_ranks(60);
  auto* const data = static_cast<char*>(std::calloc(kBytes, 1));
  const dae::Message message{1 - ranks->rank(), data, kBytes};
  if (ranks->rank() == 0) {
    data[0] = 'a';
    data[kBytes - 1] = 'z';
    ranks->exchange({&message, 1}, {});
  } else {
    ranks->exchange({}, {&message, 1});
    fmt::print("{}{}\n", data[0], data[kBytes - 1]);
  }
  std::free(data);
}

}  // namespace

int main(int count, char**) {
  if (count > 1) {
    give_much();
    return 0;
  }
  const auto ranks = dae::join_ranks(dae::kLeastPatience);
  if (ranks->rank() == 1) std::raise(SIGSTOP);
  try {
    ranks->await([] { return false; });
  } catch (const dae::RankLost& lost) {
    fmt::print("{}\n", lost.what());
    return 1;
  }
  return 0;
}
