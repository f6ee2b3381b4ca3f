// What a run makes of the time, and of somebody who is quicker: this program's own clock_gettime and flock stand before
// the system's.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "record/run_folder.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/working_folder.h"

namespace {

time_t told = 0;     // the time that it is, where it is not 0
std::string beaten;  // the folder that is a run before it is locked, where there is one

}  // namespace

extern "C" {
int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto status = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_REALTIME && told != 0) time->tv_sec = told;
  return status;
}
int flock(int fd, int operation) noexcept {
  if (!beaten.empty()) std::ofstream(beaten + "/config.json") << "somebody's";
  return static_cast<int>(syscall(SYS_flock, fd, operation));
}
}

namespace dae::test {
namespace {

RunFolder create(const std::string& path) {
  return RunFolder::create(path, nlohmann::json{{"model", {{"kind", "conv"}}}}, parse_loss("mse"),
                           {});
}

// In the afternoon, of a day that is no month.
TEST(RunFolderCalls, ANameHasTheDateAndTheTimeOfDay) {
  const TemporaryFolder empty;
  const WorkingFolder here(empty.path());
  told = 1'900'000'000;
  const std::string name = create("").path().string();
  told = 0;
  EXPECT_EQ(name, "runs/20300317-174640-conv");
}

// Two that want the same folder both find it free.
TEST(RunFolderCalls, TheSecondOfTwoThatWantAFolderIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("run");
  beaten = path;
  const std::string refusal = said([&] { create(path); });
  beaten.clear();
  EXPECT_EQ(refusal, "out " + path + ": exists already; give another folder");
  std::string kept;
  std::getline(std::ifstream(path + "/config.json"), kept);
  EXPECT_EQ(kept, "somebody's");
}

}  // namespace
}  // namespace dae::test
