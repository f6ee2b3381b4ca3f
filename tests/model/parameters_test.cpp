// Where weights lie in their one buffer, and what they are first.
#include "model/parameters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "runtime/philox.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

constexpr uint64_t kSeed = 0x300000005;

// The first values of the parameter `name`.
std::vector<float> values_of(const ParameterSet& set, const std::string& name, uint64_t seed) {
  std::vector<float> buffer(static_cast<size_t>(set.count()));
  set.initialize(seed, buffer.data());
  for (const Parameter& p : set.list())
    if (p.name == name)
      return {buffer.begin() + p.offset, buffer.begin() + p.offset + p.shape.count()};
  return {};
}
std::vector<float> values_of(const std::string& name, uint64_t seed, double bound = 0.5) {
  ParameterSet set;
  set.declare(name, {100, 100}, bound);
  return values_of(set, name, seed);
}

// The hash is the published 64-bit FNV-1a of this name.
TEST(Parameters, FirstValuesAreOfTheSeedTheNameAndTheIndex) {
  constexpr uint32_t kLow = 0xf73967e8, kHigh = 0x85944171;
  const std::vector<float> values = values_of("foobar", kSeed);
  for (uint32_t i = 0; i < 10'000; i++) {
    const uint32_t word = philox4x32({{i, 0, kLow, kHigh}}, kSeed).word[0];
    ASSERT_EQ(values[i], static_cast<float>(0.5 * ((word + 0.5) / 2147483648.0 - 1))) << i;
  }
  EXPECT_EQ(values_of("foobar", kSeed), values) << "the same again";
  EXPECT_NE(values_of("foobar", kSeed + 1), values);
  EXPECT_NE(values_of("foobar", kSeed + (uint64_t{1} << 32)), values);
  EXPECT_NE(values_of("foobas", kSeed), values);
  EXPECT_NE(values[0], values[1]);
}

// Uniform: of 10,000 the mean has a standard deviation of 0.006 bounds.
TEST(Parameters, FirstValuesFillTheirBounds) {
  const std::vector<float> values = values_of("layer.weight", kSeed, 0.25);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*least, -0.25f);
  EXPECT_LE(*most, 0.25f);
  EXPECT_LT(*least, -0.249f);
  EXPECT_GT(*most, 0.249f);
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0) / 10'000, 0, 0.25 * 0.024);
  EXPECT_EQ(values_of("layer.bias", kSeed, 0), std::vector<float>(10'000));
}

TEST(Parameters, AnotherLayerLeavesTheOthersFirstValues) {
  ParameterSet two, three;
  for (ParameterSet* const set : {&two, &three}) {
    set->declare("first", {3, 5}, 0.5);
    if (set == &three) set->declare("new", {100}, 0.5);
    set->declare("last", {70}, 0.5);
  }
  for (const char* name : {"first", "last"})
    EXPECT_EQ(values_of(two, name, kSeed), values_of(three, name, kSeed));
}

TEST(Parameters, LieOneAfterAnotherWhereTensorsMayBegin) {
  ParameterSet set;
  for (const auto& [name, shape, offset] :
       {std::tuple("a", Shape{3, 5}, 0), {"b", {64}, 64}, {"c", {65}, 128}, {"d", {1}, 256}})
    EXPECT_EQ(set.declare(name, shape, 0.5).offset, offset);
  EXPECT_EQ(set.count(), 320);
  EXPECT_EQ(set.weights(), 15 + 64 + 65 + 1);
  EXPECT_EQ(set.declare("c", {65}, 0.5).offset, 128) << "which is there already";
  EXPECT_EQ(set.list().size(), 4u);
  EXPECT_EQ(said([&] { set.declare("a", {5, 3}, 0.5); }), "a is 3x5 and cannot also be 5x3");
  EXPECT_EQ(said([&] { set.declare("a", {15}, 0.5); }), "a is 3x5 and cannot also be 15");
}

TEST(Parameters, PartsBeginWithAParameter) {
  ParameterSet equal, uneven;
  for (const char* name : {"a", "b", "c", "d"}) equal.declare(name, {64}, 0);
  uneven.declare("large", {640}, 0);
  uneven.declare("small", {1}, 0);
  using Begins = std::vector<int64_t>;
  EXPECT_EQ(ParameterSet().part_begins(4), Begins{0});
  EXPECT_EQ(equal.part_begins(1), Begins{0});
  EXPECT_EQ(equal.part_begins(2), (Begins{0, 128}));
  EXPECT_EQ(equal.part_begins(3), (Begins{0, 64, 192}));
  EXPECT_EQ(equal.part_begins(4), (Begins{0, 64, 128, 192}));
  EXPECT_EQ(equal.part_begins(10), (Begins{0, 64, 128, 192})) << "there are no more";
  EXPECT_EQ(uneven.part_begins(4), (Begins{0, 640}));
}

}  // namespace
}  // namespace dae::test
