// Linked into the programs that run on the simulated GPU: whatever it found ends them with code 3,
// and the environment may say how much memory it has and when it breaks.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/simulated_gpu/simulator.h"

namespace {

[[maybe_unused]] const bool guarded = [] {
  if (const char* const bytes = std::getenv("DAE_SIMULATED_CAPACITY"))
    simulated::set_capacity(std::strtoull(bytes, nullptr, 10));
  if (const char* const works = std::getenv("DAE_SIMULATED_FAIL_AFTER"))
    simulated::fail_after(std::strtoull(works, nullptr, 10), cudaErrorIllegalAddress);
  std::atexit([] {
    const std::vector<std::string> findings = simulated::take_findings();
    for (const std::string& finding : findings) fmt::print(stderr, "simulated GPU: {}\n", finding);
    std::fflush(nullptr);
    if (!findings.empty()) _exit(3);
  });
  return true;
}();

}  // namespace
