#include "kernels/cast.h"

#include <cmath>
#include <limits>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

// The nearest number with eight significant bits, ties to even: by arithmetic, not by bits.
double rounded(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  int exponent;
  std::frexp(x, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 8, -133));  // subnormals have less
  return std::nearbyint(x / unit) * unit;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const auto& [s, misalign] : {std::pair<Shape, size_t>{{1}, 0},
                                    {{7}, 0},
                                    {{8}, 0},
                                    {{0, 3}, 0},
                                    {{2, 31, 33, 3}, 0},
                                    {{5, 9}, 4}}) {
    Values x = random_values(s.count(), 4, -300, 300);
    const double special[] = {1.00390625, 1.01171875, -1.00390625, 3.5e38 / 4, 1e-40, -0.0, 0.1};
    for (size_t i = 0; i < x.size() && i < std::size(special); i++) x[i] = special[i];
    list.push_back({.name = to_string(s) + (misalign ? "_misaligned" : ""),
                    .args = {{.name = "x", .shape = s, .values = x, .misalign = misalign},
                             {.name = "y", .shape = s, .role = Role::out, .dtype = DType::bf16}},
                    .run = [](const Queue& q, const auto& t) { cast(q, t[0], t[1]); },
                    .reference =
                        [](auto& v) {
                          for (size_t i = 0; i < v[0].size(); i++) v[1][i] = rounded(v[0][i]);
                        }});
  }
  return list;
}

DAE_OP_TEST(Cast, cases());

class CastTest : public testing::TestWithParam<Device> {};

// To the bit, which the table's tolerance for bf16 results does not ask.
TEST_P(CastTest, RoundsToNearestTiesToEven) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  std::vector<float> in;
  for (const double value : random_values(4096, 1, -2, 2)) in.push_back(static_cast<float>(value));
  // Ties below an even and an odd neighbour, the largest that stays finite, subnormals.
  for (const float value : {1.00390625f, 1.01171875f, -1.00390625f, 3.3895313e38f, 3.0e-39f, 1e-40f,
                            0.0f, -0.0f, std::numeric_limits<float>::infinity()})
    in.push_back(value);
  const auto count = static_cast<int64_t>(in.size());
  const Buffer x(GetParam(), in.size() * sizeof(float)), y(GetParam(), in.size() * 2);
  copy_between_devices(x.data(), in.data(), x.bytes());
  cast(Queue{GetParam()}, {x.data(), {count}}, {y.data(), {count}, DType::bf16});
  if (GetParam() == Device::cuda) synchronize_device();
  std::vector<BFloat16> out(in.size());
  copy_between_devices(out.data(), y.data(), y.bytes());
  for (size_t i = 0; i < in.size(); i++)
    EXPECT_EQ(double{to_float(out[i])}, rounded(in[i])) << in[i];
  EXPECT_TRUE(std::isinf(to_float(to_bf16(std::numeric_limits<float>::max()))));
  EXPECT_TRUE(std::isnan(to_float(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

INSTANTIATE_TEST_SUITE_P(Devices, CastTest, testing::ValuesIn(tested_devices()), device_name);

}  // namespace
}  // namespace dae::test
