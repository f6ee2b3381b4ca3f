#include <dae/version.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <dnnl.hpp>
#include <regex>

namespace dae::test {
namespace {

// As a report of a fault names them: "oneDNN 2.6.2, fmt 9.1.0, CUDA 13.0 for 90-real".
TEST(Version, LibrariesAreNamedWithTheirNumbers) {
  const dnnl_version_t* const onednn = dnnl_version();
  const auto shown = [](int first, int second, int third) {
    return std::to_string(first) + "." + std::to_string(second) + "." + std::to_string(third);
  };
  const std::string formatter =  // whose 9.1.0 is 90100
      shown(FMT_VERSION / 10000, FMT_VERSION % 10000 / 100, FMT_VERSION % 100);
  const std::string begin =
      "oneDNN " + shown(onednn->major, onednn->minor, onednn->patch) + ", fmt " + formatter + ", ";
  const std::string said = describe_libraries();
  EXPECT_EQ(said.substr(0, begin.size()), begin);
  EXPECT_TRUE(std::regex_match(said.substr(begin.size()),
                               std::regex("no CUDA|CUDA [1-9][0-9]+\\.[0-9] for [0-9].*")))
      << said;
}

}  // namespace
}  // namespace dae::test
