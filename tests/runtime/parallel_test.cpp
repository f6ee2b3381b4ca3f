#include "runtime/parallel.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace dae::test {
namespace {

// Tests run side by side: CMakeLists.txt gives each a thread, and where that is lost on the way all
// take ten times as long.
TEST(Parallel, ATestHasAThread) {
  if (!std::getenv("CTEST_INTERACTIVE_DEBUG_MODE")) GTEST_SKIP() << "not started by ctest";
  EXPECT_EQ(threads(), 1);
}

}  // namespace
}  // namespace dae::test
