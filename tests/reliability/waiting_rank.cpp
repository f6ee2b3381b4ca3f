// Two ranks, of which the second stops and the first waits for what never happens, as for a GPU: says what it hears.
// tests/reliability/ranks_test.py launches them.
#include <fmt/core.h>

#include <csignal>

#include "ranks/join.h"

int main() {
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
