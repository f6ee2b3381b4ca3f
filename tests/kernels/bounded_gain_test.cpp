#include "kernels/bounded_gain.h"

#include <cmath>

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values gain(const Values& o) {
  Values g(o.size());
  for (size_t i = 0; i < o.size(); i++) g[i] = std::exp(std::tanh(o[i]));
  return g;
}

Values gain_backward(const Values& o, const Values& g, const Values& dg) {
  Values d(o.size());
  for (size_t i = 0; i < o.size(); i++) d[i] = dg[i] * g[i] / (std::cosh(o[i]) * std::cosh(o[i]));
  return d;
}

std::vector<OpCase> cases() {
  const Tolerance tolerance = {1e-6, 1e-6, "f32 exp and tanh, a few ulp each"};
  std::vector<OpCase> list;
  for (const Shape& s : {Shape{1, 3}, Shape{0, 3}, Shape{16, 3}, Shape{333, 3}}) {
    const Values o = random_values(s.count(), 7, -6, 6);
    list.push_back({.name = "forward_" + to_string(s),
                    .args = {{.name = "o", .shape = s, .values = o},
                             {.name = "g", .shape = s, .role = Role::out}},
                    .run = [](const Queue& q, const auto& t) { bounded_gain(q, t[0], t[1]); },
                    .reference = [](auto& v) { v[1] = gain(v[0]); },
                    .tolerance = tolerance});
    list.push_back({.name = "backward_" + to_string(s),
                    .args = {{.name = "o", .shape = s, .values = o},
                             {.name = "g", .shape = s, .values = gain(o)},
                             {.name = "dg", .shape = s},
                             {.name = "d_o", .shape = s, .role = Role::out}},
                    .run = [](const Queue& q,
                              const auto& t) { bounded_gain_backward(q, t[0], t[1], t[2], t[3]); },
                    .reference = [](auto& v) { v[3] = gain_backward(v[0], v[1], v[2]); },
                    .tolerance = tolerance});
  }
  return list;
}

DAE_OP_TEST(BoundedGain, cases());
DAE_OP_TEST(BoundedGainBf16, in_bf16(cases(), {"g", "dg"}));

TEST(BoundedGainReference, GradientMatchesFiniteDifferences) {
  expect_gradient(
      gain, [](const Values& o, const Values& dg) { return gain_backward(o, gain(o), dg); },
      random_values(10, 3, -2, 2));
}

}  // namespace
}  // namespace dae::test
