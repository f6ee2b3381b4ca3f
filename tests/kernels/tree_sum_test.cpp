#include "kernels/tree_sum.h"

#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// A sum in real numbers does not know its order; OrderTest asks for that, to the bit.
OpCase sum_of(const std::string& name, int64_t count, size_t parts, std::vector<TreeMerge> merges,
              float scale) {
  OpCase c;
  c.name = fmt::format("{}_{}_of_{}", name, count, parts);
  for (size_t i = 0; i < parts; i++)
    c.args.push_back({.name = fmt::format("part{}", i), .shape = {count}});
  c.args.push_back({.name = "y", .shape = {count}, .role = Role::out});
  std::vector<std::vector<double>> holds(parts,
                                         std::vector<double>(parts));  // how often each other part
  for (size_t i = 0; i < parts; i++) holds[i][i] = 1;
  for (const auto& [into, from] : merges)
    for (size_t i = 0; i < parts; i++) holds[into][i] += holds[from][i];
  c.run = [=](const Queue& q, const auto& t) {
    tree_sum(q, std::span(t).first(parts), merges, scale, t[parts]);
  };
  c.reference = [=](auto& v) {
    for (size_t k = 0; k < v[parts].size(); k++) {
      v[parts][k] = 0;
      for (size_t i = 0; i < parts; i++) v[parts][k] += scale * holds[0][i] * v[i][k];
    }
  };
  c.tolerance = {.absolute = 1e-6 * static_cast<double>(parts),
                 .why = "an f32 rounding a merge, of sums of numbers up to one"};
  return c;
}

std::vector<TreeMerge> one_after_the_other(int parts) {
  std::vector<TreeMerge> merges;
  for (int i = 1; i < parts; i++) merges.push_back({0, i});
  return merges;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const int64_t count : {0, 1, 127, 128, 129, 513})
    list.push_back(sum_of("two", count, 2, {{0, 1}}, 0.5f));
  list.push_back(sum_of("copied", 130, 1, {}, 1));
  list.push_back(sum_of("scaled", 130, 1, {}, -3));
  list.push_back(sum_of("tree", 1025, 5, {{0, 1}, {2, 3}, {0, 2}, {0, 4}}, 0.2f));
  list.push_back(sum_of("twice", 9, 3, {{1, 2}, {0, 1}, {0, 1}}, 1));  // {0, 1} as it is by then
  list.push_back(sum_of("chain", 130, kMostTreeParts, one_after_the_other(kMostTreeParts), 1));
  return list;
}

// The error of a sum of 64 in bf16, each rounded, is no test of anything: two to five are.
std::vector<OpCase> few_parts() {
  std::vector<OpCase> list;
  for (OpCase& c : cases())
    if (c.args.size() <= 6) {
      c.tolerance = {.absolute = 0.02, .why = "a bf16 rounding a merge, of sums up to five"};
      list.push_back(std::move(c));
    }
  return list;
}

DAE_OP_TEST(TreeSum, cases());
DAE_OP_TEST(TreeSumBf16, in_bf16(few_parts()));

class TreeSumOrderTest : public testing::TestWithParam<Device> {};

// (2^24 + 1) + 1 is 2^24 in f32, and 2^24 + (1 + 1) is not.
TEST_P(TreeSumOrderTest, MergesAreRoundedOneByOneInOrder) {
  const auto sum = [&](std::vector<TreeMerge> merges) {
    OpCase c;
    c.name = "order";
    for (const double value : {16777216.0, 1.0, 1.0})
      c.args.push_back({.name = "part", .shape = {1}, .values = {value}});
    c.args.push_back({.name = "y", .shape = {1}, .role = Role::out});
    c.run = [=](const Queue& q, const auto& t) {
      tree_sum(q, std::span(t).first(3), merges, 1, t[3]);
    };
    return c;
  };
  OpCase left = sum({{0, 1}, {0, 2}}), right = sum({{1, 2}, {0, 1}});
  left.reference = [](auto& v) { v[3][0] = 16777216; };
  right.reference = [](auto& v) { v[3][0] = 16777218; };
  run_case(left, GetParam());
  run_case(right, GetParam());
}

TEST_P(TreeSumOrderTest, ASumMayLieWhereAPartLay) {
  OpCase c;
  c.name = "in_place";
  c.args = {{.name = "y", .shape = {200}, .role = Role::in_out}, {.name = "part", .shape = {200}}};
  c.run = [](const Queue& q, const auto& t) {
    const TreeMerge merge[] = {{0, 1}};
    tree_sum(q, std::span(t).first(2), merge, 2, t[0]);
  };
  c.reference = [](auto& v) {
    for (size_t k = 0; k < v[0].size(); k++) v[0][k] = 2 * (v[0][k] + v[1][k]);
  };
  c.tolerance = {.absolute = 1e-6, .why = "two f32 roundings"};
  run_case(c, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Devices, TreeSumOrderTest, testing::ValuesIn(tested_devices()),
                         device_name);

TEST(TreeSumContract, RefusesWhatMakesNoSense) {
  float a[4] = {}, b[4] = {};
  const Tensor x{a, {4}}, y{b, {4}}, shorter{b, {3}};
  const Queue q;
  const Tensor two[] = {x, y}, unequal[] = {x, shorter};
  const auto refused = [&](std::span<const Tensor> parts, std::vector<TreeMerge> merges) {
    return said([&] { tree_sum(q, parts, merges, 1, y); });
  };
  EXPECT_EQ(refused({}, {}), "tree_sum: 0 parts, expected 1 to 64");
  EXPECT_EQ(refused(std::vector<Tensor>(65, x), {}), "tree_sum: 65 parts, expected 1 to 64");
  EXPECT_EQ(refused(two, {{0, 2}}), "tree_sum: 2 is added to 0 of 2 parts");
  EXPECT_EQ(refused(two, {{-1, 1}}), "tree_sum: 1 is added to -1 of 2 parts");
  EXPECT_EQ(refused(two, {{1, 1}}), "tree_sum: 1 is added to 1 of 2 parts");
  EXPECT_NE(refused(unequal, {{0, 1}}).find("tree_sum"), std::string::npos);
  EXPECT_EQ(refused(two, std::vector<TreeMerge>(64, TreeMerge{0, 1})),
            "tree_sum: 64 merges of 2 parts");
}

}  // namespace
}  // namespace dae::test
