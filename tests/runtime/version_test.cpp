#include <dae/version.h>
#include <gtest/gtest.h>

#include <regex>

namespace dae::test {
namespace {

// As a report of a fault names them: "oneDNN 2.6.2, fmt 9.1.0, CUDA 13.0 for 90-real".
TEST(Version, LibrariesAreNamedWithTheirNumbers) {
  const std::string said = describe_libraries();
  EXPECT_TRUE(std::regex_match(
      said, std::regex("oneDNN [0-9]+\\.[0-9]+\\.[0-9]+, fmt [0-9]+\\.[0-9]+\\.[0-9]+, "
                       "(no CUDA|CUDA [1-9][0-9]+\\.[0-9] for [0-9].*)")))
      << said;
}

}  // namespace
}  // namespace dae::test
