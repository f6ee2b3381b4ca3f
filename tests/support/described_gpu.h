// The GPU that cuDNN plans for where there is none.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

namespace dae::test {

// As cuDNN serialises it: fixtures/h100.json, or the file that DAE_GPU_DESCRIPTION names.
inline std::string described_gpu() {
  const char* const described = std::getenv("DAE_GPU_DESCRIPTION");
  std::ifstream file(described ? described : DAE_FIXTURES "/h100.json");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace dae::test
