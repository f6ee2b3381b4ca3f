// What blur_report --train makes of runs that it finds.
#include <nlohmann/json.hpp>

#include "tests/support/json_file.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

class BlurProgram : public Programs {};

// The page is written all the same, of what can be measured.
TEST_F(BlurProgram, FailsWhereARunIsDamaged) {
  make_photos("photos", 3);
  std::filesystem::create_directories(path("runs/unet-1"));
  std::ofstream(path("runs/unet-1/config.json")) << "{";
  const Outcome outcome =
      run("blur_report --train small --time 0.001 --dataset " + path("photos") + " --runs " +
          path("runs") + " --out " + path("page.html") + " --json " + path("page.json"));
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_NE(outcome.err.find("left out: " + path("runs/unet-1")), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("0 of 72 runs and 0 of 5 strengths"), std::string::npos)
      << outcome.out;
  EXPECT_NE(read("page.html").find("Left out: " + path("runs/unet-1")), std::string::npos);
  EXPECT_EQ(json_file(path("page.json")).at("setting").at("runs"), 0);
}

}  // namespace
}  // namespace dae::test
