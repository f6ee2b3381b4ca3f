// What every program does before and behind its own work, each in a process of its own; and which numbers it takes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>

#include "tools/program.h"

namespace dae::test {
namespace {

// Never returns: ends with the program's exit code.
[[noreturn]] void be_a_program(const std::function<int()>& body) {
  setenv("GOMP_SPINCOUNT", "1000", 1);  // or it starts itself anew with that
  CLI::App app("About.");
  char name[] = "denoise";
  char* arguments[] = {name, nullptr};
  std::exit(run_program("denoise", app, 1, arguments, body));
}

// As null pointers are followed by what took one for memory; `at` is where.
int follow(uintptr_t at) {
  return *reinterpret_cast<volatile char*>(at);
}

void follow_under_limit(uintptr_t at) {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = uint64_t{1} << 45;
  setrlimit(RLIMIT_AS, &limit);
  be_a_program([at] { return follow(at); });
}

class RunProgramDeathTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers have their own answers to signals";
#endif
  }
};

TEST_F(RunProgramDeathTest, ANullPointerUnderALimitIsTooLittleMemory) {
  const auto exits_with_1 = testing::ExitedWithCode(1);
  for (const uintptr_t at : {0, 8, 4095})
    EXPECT_EXIT(follow_under_limit(at), exits_with_1,
                "^not enough memory: a limit is set \\(ulimit -v\\), within which this cannot be "
                "computed\n$")
        << at;
}

TEST_F(RunProgramDeathTest, AnyOtherBadAccessIsWhatItAlwaysWas) {
  EXPECT_EXIT(follow_under_limit(4096), testing::KilledBySignal(SIGSEGV), "^$");
  EXPECT_EXIT(be_a_program([] { return follow(0); }), testing::KilledBySignal(SIGSEGV), "^$");
}

TEST(NumberBetween, TakesTheEndsAndNothingBeyond) {
  const CLI::Validator check = number_between(0, 255);
  for (const std::string inside : {"0", "0.1", "2.5e1", "255"}) EXPECT_EQ(check(inside), "");
  for (const std::string outside : {"-0.1", "255.1", "nan", "inf", "1x", "x"})
    EXPECT_EQ(check(outside), outside + " is not a number from 0 to 255");
}

}  // namespace
}  // namespace dae::test
