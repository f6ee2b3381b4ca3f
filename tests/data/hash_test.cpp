#include "data/hash.h"

#include <gtest/gtest.h>

namespace dae::test {
namespace {

std::string digits_of(const std::string& bytes) {
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  return hash.digits();
}

// What `printf ... | xxhsum -H3` of the library's authors says.
TEST(Hash, IsXxh3InSixteenDigits) {
  EXPECT_EQ(digits_of(""), "2d06800538d394c2");
  EXPECT_EQ(digits_of("a"), "e6c632b61e964e1f");
  EXPECT_EQ(digits_of("u"), "0de0f3cef1e76922");
  EXPECT_EQ(digits_of("91"), "004901d6d0084f13");
}

TEST(Hash, PartsAddUpAndTextsKeepTheirEnds) {
  Hash parts;
  parts.add("9", 1);
  parts.add("1", 1);
  EXPECT_EQ(parts.value(), 0x004901d6d0084f13u);
  Hash one, other;
  one.add(std::string("ab"));
  one.add(std::string("c"));
  other.add(std::string("a"));
  other.add(std::string("bc"));
  EXPECT_NE(one.value(), other.value());
  Hash number, bytes;
  number.add_number(uint32_t{0x64636261});
  bytes.add("abcd", 4);
  EXPECT_EQ(number.value(), bytes.value());
}

}  // namespace
}  // namespace dae::test
