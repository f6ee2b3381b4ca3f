// How many pieces cover n, and up to where: for every n around whole numbers of pieces, by counting.
#include "runtime/rounding.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace dae::test {
namespace {

TEST(Rounding, CountsThePiecesThatCover) {
  for (int size = 1; size <= 9; size++)
    for (int n = 0; n <= 40; n++) {
      int pieces = 0;
      while (pieces * size < n) pieces++;
      EXPECT_EQ(ceil_div(n, size), pieces) << n << " in pieces of " << size;
      EXPECT_EQ(round_up(n, size), pieces * size) << n << " in pieces of " << size;
    }
}

TEST(Rounding, IsOfTheFirstArgumentsType) {
  static_assert(std::is_same_v<decltype(ceil_div(int64_t{7}, 2)), int64_t>);
  static_assert(std::is_same_v<decltype(round_up(size_t{7}, 2)), size_t>);
  // Beyond 32 bits, and up to the last n that is allowed.
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ceil_div((int64_t{1} << 40) + 1, 1 << 20), (1 << 20) + 1);
  EXPECT_EQ(round_up((int64_t{1} << 40) + 1, 1 << 20), (int64_t{1} << 40) + (1 << 20));
  EXPECT_EQ(ceil_div(kLargest - 255, 256), kLargest / 256);
  EXPECT_EQ(round_up(kLargest - 255, 256), kLargest - 255);
}

}  // namespace
}  // namespace dae::test
