// The program `fuzz`: the harness that the environment's DAE_HARNESS names, under libFuzzer
// (llvm.org/docs/LibFuzzer.html), whose options it takes. tools/test.sh --fuzz runs them all.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/harness.h"

namespace {

const dae::fuzz::Harness* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("DAE_HARNESS");
  for (const dae::fuzz::Harness& harness : dae::fuzz::harnesses())
    if (name && std::strcmp(name, harness.name) == 0) chosen = &harness;
  if (chosen) return 0;
  std::fputs("fuzz: DAE_HARNESS must be one of", stderr);
  for (const dae::fuzz::Harness& harness : dae::fuzz::harnesses())
    std::fprintf(stderr, " %s", harness.name);
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dae::fuzz::run(*chosen, {data, size});
  return 0;
}
