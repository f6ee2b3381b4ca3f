#include "kernels/global_pool.h"

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

struct Pooled {
  Values y, argmax;
};

Pooled pool(const Values& x, const Shape& s) {
  const int64_t pixels = s[1] * s[2], channels = s[3];
  Pooled out{Values(s[0] * 2 * channels), Values(s[0] * channels)};
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t c = 0; c < channels; c++) {
      double sum = 0;
      int64_t best = 0;
      for (int64_t p = 0; p < pixels; p++) {
        const double value = x[(n * pixels + p) * channels + c];
        sum += value;
        if (value > x[(n * pixels + best) * channels + c]) best = p;
      }
      out.y[n * 2 * channels + c] = sum / double(pixels);
      out.y[(n * 2 + 1) * channels + c] = x[(n * pixels + best) * channels + c];
      out.argmax[n * channels + c] = double(best);
    }
  return out;
}

Values pool_backward(const Values& dy, const Values& argmax, const Shape& s) {
  const int64_t pixels = s[1] * s[2], channels = s[3];
  Values dx(s.count());
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t c = 0; c < channels; c++) {
      for (int64_t p = 0; p < pixels; p++)
        dx[(n * pixels + p) * channels + c] = dy[n * 2 * channels + c] / double(pixels);
      dx[(n * pixels + int64_t(argmax[n * channels + c])) * channels + c] +=
          dy[(n * 2 + 1) * channels + c];
    }
  return dx;
}

std::vector<OpCase> cases() {
  struct Size {
    Shape shape;
    int block = 1;
  };
  std::vector<OpCase> list;
  for (const auto& [s, block] :
       {Size{{1, 1, 1, 1}}, Size{{2, 3, 5, 7}}, Size{{1, 31, 3, 33}}, Size{{0, 2, 2, 4}},
        Size{{3, 4, 4, 32}, 16}, Size{{2, 3, 3, 16}, 8}}) {
    const std::string size = to_string(Tensor{nullptr, s, DType::f32, block});
    Values x = random_values(s.count(), 3);
    for (double& v : x) v = v < 0.5 ? v : 0.75;  // several equal maxima
    const Values argmax = pool(x, s).argmax;
    list.push_back(
        {.name = "forward_" + size,
         .args =
             {{.name = "x", .shape = s, .values = x, .block = block},
              {.name = "y", .shape = {s[0], 2 * s[3]}, .role = Role::out},
              {.name = "argmax", .shape = {s[0], s[3]}, .role = Role::out, .dtype = DType::i32}},
         .run = [](const Queue& q, const auto& t) { global_pool(q, t[0], t[1], t[2]); },
         .reference =
             [s](auto& v) {
               const Pooled want = pool(v[0], s);
               v[1] = want.y;
               v[2] = want.argmax;
             },
         .tolerance = {1e-6, 0, "f32 sum of up to 93 values"}});
    list.push_back(
        {.name = "backward_" + size,
         .args = {{.name = "dy", .shape = {s[0], 2 * s[3]}},
                  {.name = "argmax", .shape = {s[0], s[3]}, .dtype = DType::i32, .values = argmax},
                  {.name = "dx", .shape = s, .role = Role::out, .block = block}},
         .run = [](const Queue& q, const auto& t) { global_pool_backward(q, t[0], t[1], t[2]); },
         .reference = [s](auto& v) { v[2] = pool_backward(v[0], v[1], s); },
         .tolerance = {3e-7, 0, "three f32 roundings of values up to 2"}});
  }
  return list;
}

DAE_OP_TEST(GlobalPool, cases());
DAE_OP_TEST(GlobalPoolBf16, in_bf16(cases()));

TEST(GlobalPoolReference, GradientMatchesFiniteDifferences) {
  const Shape s = {2, 3, 2, 2};
  expect_gradient(
      [&](const Values& x) { return pool(x, s).y; },
      [&](const Values& x, const Values& dy) { return pool_backward(dy, pool(x, s).argmax, s); },
      random_values(s.count(), 4));
}

}  // namespace
}  // namespace dae::test
