// Which engine a problem gets for which several cache folders have one. Every test's name has `Simulated` in it, which
// is what its filter selects.
//
// Simulated GPU: without sanitizers (it is about files, and no kernel runs)
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <tuple>

#include "record/device_record.h"
#include "record/engine_file.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

TEST(SimulatedEngineFiles, OfTwoFoldersTheFirstOnesEngineIsTaken) {
  const TemporaryFolder folder;
  setenv("XDG_CACHE_HOME", folder.file("first").c_str(), 1);
  setenv("HOME", folder.file("home").c_str(), 1);
  const std::filesystem::path first = folder.path() / "first/dae",
                              second = folder.path() / "home/.cache/dae";
  const nlohmann::json machine = describe_gpu_and_libraries();
  for (const auto& [cache, problem, engine] : {std::tuple{first, "both have", "the first's"},
                                               {second, "both have", "the second's"},
                                               {second, "one has", "the second's"}}) {
    std::filesystem::create_directories(cache);
    add_engine(cache / "engines.jsonl", machine, {.problem = problem, .engine = engine});
  }
  share_engines();
  const cuda_libraries::Candidates candidates{
      .offered = {{"nobody's"}, {"the second's"}, {"the first's"}},
      .build = [](size_t) { return size_t{0}; },
      .time = {}};
  EXPECT_EQ(cuda_libraries::choose("both have", candidates), 2u);
  EXPECT_EQ(cuda_libraries::choose("one has", candidates), 1u);
}

}  // namespace
}  // namespace dae::test
