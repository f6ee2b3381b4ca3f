#include "runtime/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <regex>

#include "runtime/device.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

class ControlGroups : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const fs::path path = temporary_.file(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  size_t left(const std::string& groups) {
    return memory_left_by_groups(groups, temporary_.path());
  }
  TemporaryFolder temporary_;
};

TEST_F(ControlGroups, TheNarrowestOfAGroupAndThoseAboveIt) {
  write("memory.current", "900\n");  // the uppermost has no limit
  write("a/memory.max", "1000\n");
  write("a/memory.current", "700\n");
  write("a/b/memory.max", "max\n");
  write("a/b/memory.current", "650\n");
  EXPECT_EQ(left("0::/a/b\n"), 300u);
  write("a/b/memory.max", "800\n");
  EXPECT_EQ(left("0::/a/b\n"), 150u);
  EXPECT_EQ(left("0::/\n"), SIZE_MAX);
}

TEST_F(ControlGroups, FilesThatWereReadCanBeGivenBack) {
  write("a/memory.max", "1000\n");
  write("a/memory.current", "900\n");
  write("a/memory.stat", "anon 500\ninactive_file 250\nactive_file 150\n");
  EXPECT_EQ(left("0::/a\n"), 350u);
  write("a/memory.current", "1300\n");  // for a moment
  EXPECT_EQ(left("0::/a\n"), 0u);
}

TEST_F(ControlGroups, OfTheFirstVersionToo) {
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("memory/a/memory.limit_in_bytes", "1000\n");
  write("memory/a/memory.usage_in_bytes", "400\n");
  write("memory/a/memory.stat", "inactive_file 50\ntotal_inactive_file 100\n");
  EXPECT_EQ(left("5:cpu,cpuacct:/a\n4:memory:/a\n"), 700u);
  EXPECT_EQ(left("5:cpu,cpuacct:/a\n"), SIZE_MAX);
}

TEST_F(ControlGroups, WhatCannotBeReadIsNoLimit) {
  EXPECT_EQ(left("0::/nowhere\n"), SIZE_MAX);
  EXPECT_EQ(left("no group\n"), SIZE_MAX);
  EXPECT_EQ(left(""), SIZE_MAX);
}

TEST(Memory, IsShownInTheUnitOfItsSize) {
  constexpr size_t kMiB = 1 << 20, kGiB = 1 << 30;
  for (const auto& [bytes, shown] :
       std::vector<std::pair<size_t, std::string>>{{0, "0.0 KiB"},
                                                   {1536, "1.5 KiB"},
                                                   {640 << 10, "640.0 KiB"},
                                                   {kMiB - 1, "1024.0 KiB"},
                                                   {kMiB, "1.0 MiB"},
                                                   {98'671'002, "94.1 MiB"},
                                                   {kGiB - 1, "1024.0 MiB"},
                                                   {kGiB, "1.0 GiB"},
                                                   {33'500'744'909, "31.2 GiB"},
                                                   {1024 * kGiB, "1024.0 GiB"}})
    EXPECT_EQ(show_bytes(bytes), shown);
}

// Who has heard that a program needs so much, and gives it, has given enough.
TEST(Memory, IsShownRoundedUpWhereItMustBeEnough) {
  constexpr size_t kMiB = 1 << 20, kGiB = 1 << 30;
  for (const auto& [bytes, shown] :
       std::vector<std::pair<size_t, std::string>>{{0, "0.0 KiB"},
                                                   {1, "0.1 KiB"},
                                                   {1536, "1.5 KiB"},
                                                   {1537, "1.6 KiB"},
                                                   {kMiB - 1, "1.0 MiB"},
                                                   {kMiB, "1.0 MiB"},
                                                   {kMiB + 1, "1.1 MiB"},
                                                   {98'671'002, "94.2 MiB"},
                                                   {kGiB, "1.0 GiB"},
                                                   {kGiB + 1, "1.1 GiB"}})
    EXPECT_EQ(show_enough(bytes), shown);
}

// What Linux says of the machine, in bytes.
size_t memory_of_machine(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word && word != key) {
  }
  size_t kib = 0;
  EXPECT_TRUE(file >> kib) << key;
  return kib * 1024;
}

// Some of a machine's memory is always taken: Linux has its own.
TEST(Memory, NotAllOfAMachinesIsFree) {
  EXPECT_LT(free_memory(Device::cpu), memory_of_machine("MemTotal:"));
}

// Others take and give back meanwhile: it is asked again until they hardly did.
TEST(Memory, FreeIsWhatLinuxCallsAvailable) {
  size_t before = 0, free = 0, after = 0;
  do {
    before = memory_of_machine("MemAvailable:");
    free = free_memory(Device::cpu);
    after = memory_of_machine("MemAvailable:");
  } while (std::max(before, after) - std::min(before, after) > before / 1000);
  std::ifstream file("/proc/self/cgroup");
  const std::string groups((std::istreambuf_iterator<char>(file)), {});
  rlimit addresses = {};
  getrlimit(RLIMIT_AS, &addresses);
  if (addresses.rlim_cur != RLIM_INFINITY ||
      memory_left_by_groups(groups, "/sys/fs/cgroup") < before)
    GTEST_SKIP() << "something else leaves this process less";
  EXPECT_NEAR(double(free), double(before), double(before) / 100);
}

TEST(Memory, SaysHowMuchIsNeededAndHowMuchIsFree) {
  const std::string refusal = said<OutOfMemory>([] { Buffer(Device::cpu, size_t{1} << 60); });
  EXPECT_TRUE(
      std::regex_match(refusal, std::regex(R"(1073741824\.0 GiB of memory are needed at once and )"
                                           R"([0-9]{1,7}\.[0-9] [KMG]iB are free)")))
      << refusal;
}

TEST(Memory, ResidentIsWhatIsTouched) {
  constexpr size_t kBytes = 64 << 20;
  const size_t before = resident_memory();
  const Buffer buffer(Device::cpu, kBytes);  // zeroed, so touched
  EXPECT_NEAR(double(resident_memory() - before), kBytes, kBytes / 16);
}

// As under `ulimit -v`; in a process of its own, since the limit stays.
TEST(Memory, FreeIsWhatALimitOfTheProcessLeaves) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::ifstream file("/proc/self/statm");
    size_t pages = 0;
    file >> pages;
    constexpr size_t kLeft = 48 << 20;
    const rlimit limit = {pages * 4096 + kLeft, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(2);
    const size_t free = free_memory(Device::cpu);
    _exit(free <= kLeft && free > kLeft / 2 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace dae::test
