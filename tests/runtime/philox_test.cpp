#include "runtime/philox.h"

#include <gtest/gtest.h>

namespace dae {
namespace {

// The known-answer vectors of Random123 (kat_vectors): counter, key, result of philox4x32-10.
struct Vector {
  uint32_t counter[4], key[2], want[4];
};
constexpr Vector kVectors[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

TEST(Philox, GivesThePublishedWords) {
  for (const Vector& v : kVectors) {
    const PhiloxWords got = philox4x32({{v.counter[0], v.counter[1], v.counter[2], v.counter[3]}},
                                       uint64_t{v.key[1]} << 32 | v.key[0]);
    for (int i = 0; i < 4; i++) EXPECT_EQ(got.word[i], v.want[i]);
  }
}

}  // namespace
}  // namespace dae
