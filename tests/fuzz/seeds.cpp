// The program `fuzz_seeds`: every harness over its seeds and over the files in findings/NAME/, which once
// made it fail. With a folder it writes the seeds there instead, for libFuzzer, and prints the harnesses.
#include <cstdio>
#include <string>

#include "data/files.h"
#include "tests/fuzz/harness.h"

namespace fs = std::filesystem;
using namespace dae::fuzz;

int main(int count, char** arguments) {
  size_t inputs = 0;
  for (const Harness& harness : harnesses()) {
    std::vector<Bytes> seeds = harness.seeds();
    expect(!seeds.empty(), harness.name);
    if (count > 1) {
      const fs::path to = fs::path(arguments[1]) / harness.name;
      fs::create_directories(to);
      for (size_t i = 0; i < seeds.size(); i++)
        dae::write_file_atomically(to / ("seed" + std::to_string(i)), View(seeds[i]));
      std::printf("%s\n", harness.name);
      continue;
    }
    const fs::path findings = fs::path(DAE_SOURCE) / "tests/fuzz/findings" / harness.name;
    if (fs::exists(findings))
      for (const fs::path& path : dae::files_below(findings).files) seeds.push_back(read(path));
    for (const Bytes& seed : seeds) run(harness, seed);
    inputs += seeds.size();
  }
  if (count <= 1) std::printf("%zu inputs\n", inputs);
}
