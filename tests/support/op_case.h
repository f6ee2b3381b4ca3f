// The shared table of cases. An op's test file lists OpCases: its arguments, how to call it, and
// what it must give, computed in fp64 by scalar code that has nothing in common with the op's own.
// The harness runs every case on every device there is:
//
//   - arguments lie between guard bytes, outputs start as NaN poison; touched guards fail the case;
//   - NaN never equals anything, not even where the reference has one;
//   - a result in bf16 may differ by one rounding more than the case says;
//   - a device this machine does not have reads "skipped", never "passed";
//   - what may not matter (variants.h) is varied, and must give the same bits;
//   - small cases run once more for each argument, which is then the only misaligned one;
//   - a case with a large tensor has `_large` in its name: sanitizers are spared those.
//
//   std::vector<OpCase> cases() { return {{.name = ..., .args = ..., .run = ..., ...}}; }
//   DAE_OP_TEST(Upsample2x, cases());
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/queue.h"
#include "runtime/tensor.h"
#include "tests/support/variants.h"

namespace dae::test {

// A tensor's elements as doubles, row-major over its logical shape (NHWC even when it is blocked).
using Values = std::vector<double>;

enum class Role { in, out, in_out, scratch };  // scratch: poisoned, guarded, not compared

struct Arg {
  std::string name;
  Shape shape;
  Role role = Role::in;
  DType dtype = DType::f32;
  double low = -1, high = 1;  // inputs are uniform in [low, high] (u8: rounded), from a fixed seed
  Values values = {};         // or given, when not empty
  int block = 1;
  size_t misalign = 0;     // bytes added to the aligned address
  bool given = true;       // false: this form of the op is called without it
  bool any_shape = false;  // the op takes it of other shapes, too
};

struct Tolerance {
  double absolute = 0, relative = 0;  // |got - want| <= absolute + relative * |want|
  std::string why = "exact";
};

struct OpCase {
  std::string name;
  std::vector<Arg> args;
  // Calls the op; tensors stand in the order of args.
  std::function<void(const Queue&, const std::vector<Tensor>&)> run;
  // Fills the out and in_out entries; the others hold exactly what the op read (after rounding to
  // the argument's dtype).
  std::function<void(std::vector<Values>&)> reference;
  Tolerance tolerance = {};
  bool gpu_only = false;  // the CPU has no such form, and its contract says so
};

std::ostream& operator<<(std::ostream& out, const OpCase& op_case);

// The cases with plain layouts once more in bf16: every f32 argument but scratch and those named in
// `stay_f32`. The reference reads the rounded inputs; an output in bf16 may differ by the one
// rounding on top of the case's own tolerance. The CPU computes in f32 alone and may refuse.
std::vector<OpCase> in_bf16(const std::vector<OpCase>& cases,
                            const std::vector<std::string>& stay_f32 = {});

// The body of the generated tests: fails or skips the running test.
void run_case(const OpCase& op_case, Device device);

// Row-major random doubles in [low, high]; the same for the same seed on every machine.
Values random_values(int64_t count, uint64_t seed, double low = -1, double high = 1);

// Holds a hand-written fp64 gradient against central differences of its fp64 forward function:
// for a random dy, vjp(x, dy) must equal d<dy, f(x)>/dx to `tolerance` (relative to the largest).
void expect_gradient(const std::function<Values(const Values& x)>& f,
                     const std::function<Values(const Values& x, const Values& dy)>& vjp,
                     const Values& x, double tolerance = 1e-6);

class OpTest : public testing::TestWithParam<std::tuple<Device, OpCase>> {};
// Has `_large` at its end where what is read or written has more than kLargeCount elements.
inline constexpr int64_t kLargeCount = 20'000;
// The end of a case's name that has a block of threads for every few of many images or channels: what
// ThreadSanitizer is spared.
inline std::string many_blocks(const Shape& s) {
  return s[0] > 64 || s[3] > 1000 ? "_wide" : "";
}
std::string test_name(const testing::TestParamInfo<OpTest::ParamType>& info);

// The name of a test that has the device as its only parameter.
std::string device_name(const testing::TestParamInfo<Device>& info);

#define DAE_OP_TEST_ON(devices, suite, cases)                                                      \
  class suite##OpTest : public ::dae::test::OpTest {};                                             \
  TEST_P(suite##OpTest, MatchesReference) {                                                        \
    ::dae::test::run_case(std::get<1>(GetParam()), std::get<0>(GetParam()));                       \
  }                                                                                                \
  INSTANTIATE_TEST_SUITE_P(suite, suite##OpTest,                                                   \
                           testing::Combine(testing::ValuesIn(devices), testing::ValuesIn(cases)), \
                           ::dae::test::test_name)
#define DAE_OP_TEST(suite, cases) DAE_OP_TEST_ON(::dae::test::tested_devices(), suite, cases)

}  // namespace dae::test
