// Divisions without a division against those of the compiler.
#include "kernels/division.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <set>

namespace dae::test {
namespace {

TEST(Division, By255IsCorrectlyRounded) {
  for (int k = -255 * 256; k <= 255 * 256; k++) {
    const auto number = static_cast<float>(k);
    ASSERT_EQ(std::bit_cast<uint32_t>(over_255(number)), std::bit_cast<uint32_t>(number / 255.0f))
        << k;
  }
  EXPECT_EQ(std::bit_cast<uint32_t>(over_255(-0.0f)), std::bit_cast<uint32_t>(-0.0f));
}

// Why it is not written as a product.
TEST(Division, AProductWithTheInverseIsNot) {
  int wrong = 0;
  for (int k = 0; k < 256; k++) {
    const auto number = static_cast<float>(k);
    wrong += number * (1.0f / 255.0f) != number / 255.0f;
  }
  EXPECT_EQ(wrong, 126);
}

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// Around powers of two, where roundings go wrong first, and anywhere.
std::set<int64_t> sizes() {
  std::set<int64_t> found;
  for (int64_t d = 1; d <= 300; d++) found.insert(d);
  for (int bit = 9; bit < 63; bit++)
    for (int64_t near = -2; near <= 2; near++) found.insert((int64_t{1} << bit) + near);
  found.insert({kMost - 1, kMost});
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; i++) found.insert(1 + static_cast<int64_t>(random() >> (1 + i % 62)));
  return found;
}

void expect_parts(const Divisor& divisor, int64_t d, int64_t n) {
  const auto [quotient, rest] = divisor.split(n);
  ASSERT_EQ(quotient, n / d) << n << " / " << d;
  ASSERT_EQ(rest, n % d) << n << " % " << d;
}

TEST(Division, ByASizeIsExact) {
  std::mt19937_64 random(2);
  for (const int64_t d : sizes()) {
    const Divisor divisor(d);
    EXPECT_EQ(divisor.value(), d);
    // Numbers just below, at and above a multiple: the smallest, the largest, some between.
    const int64_t most = kMost / d;
    for (int i = 0; i < 100; i++) {
      const int64_t factor = i == 0   ? 0
                             : i == 1 ? 1
                             : i == 2 ? most
                                      : static_cast<int64_t>(random() >> (1 + i % 62)) % most;
      for (int64_t near = -1; near <= 1; near++)
        if (const int64_t multiple = factor * d; near < 0 ? multiple > 0 : multiple <= kMost - near)
          expect_parts(divisor, d, multiple + near);
    }
    expect_parts(divisor, d, kMost);
    for (int i = 0; i < 100; i++)
      expect_parts(divisor, d, static_cast<int64_t>(random() >> (1 + i % 62)));
  }
}

TEST(Division, ByTheSideOfAnEmptyTensorIsNoError) {
  const auto [quotient, rest] = Divisor(0).split(0);
  EXPECT_EQ(quotient, 0);
  EXPECT_EQ(rest, 0);
}

}  // namespace
}  // namespace dae::test
