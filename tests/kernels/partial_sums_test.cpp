#include "kernels/partial_sums.h"

#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

struct Sum {
  int64_t rows, columns;
  DType dtype = DType::f32;  // of the sum
};

// The arguments are a partial tensor and a sum for each.
OpCase case_of(const std::string& name, const std::vector<Sum>& sums) {
  OpCase c{.name = name, .args = {}, .run = {}, .reference = {}, .gpu_only = true};
  for (const auto& [rows, columns, dtype] : sums) {
    c.args.push_back({.name = "partial", .shape = {rows, columns}});
    c.args.push_back({.name = "sum", .shape = {columns}, .role = Role::out, .dtype = dtype});
  }
  c.run = [](const Queue& q, const auto& t) {
    std::vector<PartialSum> list;
    for (size_t i = 0; i < t.size(); i += 2) list.push_back({t[i], t[i + 1]});
    sum_partials(q, list);
  };
  c.reference = [](auto& v) {
    for (size_t i = 0; i < v.size(); i += 2) {
      Values& sum = v[i + 1];
      sum.assign(sum.size(), 0);
      for (size_t k = 0; k < v[i].size(); k++) sum[k % sum.size()] += v[i][k];
    }
  };
  c.tolerance = {1e-7, 1e-7, "an f32 rounding of sums in fp64"};
  return c;
}

std::vector<OpCase> cases() {
  constexpr DType kBf16 = DType::bf16;
  std::vector<OpCase> list = {
      case_of("one", {{1, 1}}),
      case_of("rounded", {{1, 64, kBf16}}),
      case_of("nothing", {}),
      case_of("no_rows", {{0, 33}}),
      case_of("no_columns_between", {{3, 2}, {4, 0}, {5, 1}}),
      case_of("a_row_more", {{33, 31}, {34, 33, kBf16}}),
      case_of("many_rows", {{1025, 3}, {2, 100}, {64, 32, kBf16}, {7, 1}}),
  };
  std::vector<Sum> most;
  for (size_t i = 0; i < kMostPartialSums; i++)
    most.push_back({static_cast<int64_t>(i % 5), static_cast<int64_t>(1 + i % 3 * 31)});
  list.push_back(case_of("as_many_as_there_may_be", most));
  return list;
}

DAE_OP_TEST(PartialSums, cases());

class PartialSumsOrderTest : public testing::TestWithParam<Device> {};

void expect_sum(const Values& partial, double sum, Device device) {
  OpCase c = case_of("order", {{static_cast<int64_t>(partial.size()), 1}});
  c.args[0].values = partial;
  c.reference = [sum](auto& v) { v[1][0] = sum; };
  c.tolerance = {};
  run_case(c, device);
}

// 2^60 + 1 is 2^60 in fp64: of rows 0, 1 and 32 the one survives where 0 and 32 meet first.
TEST_P(PartialSumsOrderTest, EveryThirtySecondRowIsAddedFirst) {
  const double large = 0x1p60;
  Values partial(33);
  partial[0] = large;
  partial[1] = 1;
  partial[32] = -large;
  expect_sum(partial, 1, GetParam());
}

// The first of the 32 sums is there first: 2^60, then the one that is lost, then back.
TEST_P(PartialSumsOrderTest, ThenTheSumsOneAfterTheOther) {
  const double large = 0x1p60;
  Values partial(32);
  partial[0] = large;
  partial[15] = 1;
  partial[31] = -large;
  expect_sum(partial, 0, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Devices, PartialSumsOrderTest, testing::ValuesIn(tested_devices()),
                         device_name);

TEST(PartialSums, RefusesWhatDoesNotFit) {
  float data[8] = {};
  const Queue gpu{Device::cuda};
  const auto refused = [&](const Queue& q, const std::vector<PartialSum>& sums) {
    return said([&] { sum_partials(q, sums); });
  };
  const Tensor partial{data, {2, 3}}, sum{data, {3}};
  EXPECT_NE(refused(Queue{}, {{partial, sum}}), "accepted") << "the CPU";
  EXPECT_NE(refused(gpu, {{partial, {data, {2}}}}).find("sum_partials: the sum"),
            std::string::npos);
  EXPECT_NE(refused(gpu, {{{data, {6}}, sum}}).find("sum_partials: expected a matrix"),
            std::string::npos);
  EXPECT_EQ(refused(gpu, std::vector<PartialSum>(kMostPartialSums + 1, {partial, sum})),
            "sum_partials: 97 sums, expected 96 at most");
}

}  // namespace
}  // namespace dae::test
