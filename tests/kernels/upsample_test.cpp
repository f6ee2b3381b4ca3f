#include "kernels/upsample.h"

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values upsample(const Values& x, const Shape& s) {
  Values y(x.size() * 4);
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t i = 0; i < 2 * s[1]; i++)
      for (int64_t j = 0; j < 2 * s[2]; j++)
        for (int64_t c = 0; c < s[3]; c++)
          y[((n * 2 * s[1] + i) * 2 * s[2] + j) * s[3] + c] =
              x[((n * s[1] + i / 2) * s[2] + j / 2) * s[3] + c];
  return y;
}

Values upsample_backward(const Values& dy, const Shape& s) {
  Values dx(dy.size() / 4, 0.0);
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t i = 0; i < 2 * s[1]; i++)
      for (int64_t j = 0; j < 2 * s[2]; j++)
        for (int64_t c = 0; c < s[3]; c++)
          dx[((n * s[1] + i / 2) * s[2] + j / 2) * s[3] + c] +=
              dy[((n * 2 * s[1] + i) * 2 * s[2] + j) * s[3] + c];
  return dx;
}

Shape doubled(const Shape& s) {
  return {s[0], 2 * s[1], 2 * s[2], s[3]};
}

std::vector<OpCase> cases() {
  struct Size {
    Shape shape;
    int block = 1;
    size_t misalign = 0;
  };
  const std::vector<Size> sizes = {{{1, 1, 1, 1}},       {{2, 3, 5, 7}},      {{1, 31, 33, 4}},
                                   {{0, 4, 4, 8}},       {{2, 4, 3, 32}, 16}, {{1, 2, 2, 16}, 8},
                                   {{1, 3, 2, 8}, 1, 4}, {{2, 5, 3, 16}}};
  std::vector<OpCase> list;
  for (const auto& [s, block, misalign] : sizes) {
    const std::string size =
        to_string(Tensor{nullptr, s, DType::f32, block}) + (misalign ? "_misaligned" : "");
    list.push_back({.name = "forward_" + size,
                    .args = {{.name = "x", .shape = s, .block = block, .misalign = misalign},
                             {.name = "y", .shape = doubled(s), .role = Role::out, .block = block}},
                    .run = [](const Queue& q, const auto& t) { upsample2x(q, t[0], t[1]); },
                    .reference = [s](auto& v) { v[1] = upsample(v[0], s); }});
    list.push_back(
        {.name = "backward_" + size,
         .args = {{.name = "dy", .shape = doubled(s), .block = block, .misalign = misalign},
                  {.name = "dx", .shape = s, .role = Role::out, .block = block}},
         .run = [](const Queue& q, const auto& t) { upsample2x_backward(q, t[0], t[1]); },
         .reference = [s](auto& v) { v[1] = upsample_backward(v[0], s); },
         .tolerance = {4e-7, 0, "three f32 additions of values up to 1"}});
  }
  return list;
}

DAE_OP_TEST(Upsample2x, cases());
DAE_OP_TEST(Upsample2xBf16, in_bf16(cases()));

TEST(Upsample2x, ReferenceGradientMatchesDifferences) {
  const Shape s{1, 2, 3, 2};
  expect_gradient([&](const Values& x) { return upsample(x, s); },
                  [&](const Values&, const Values& dy) { return upsample_backward(dy, s); },
                  random_values(s.count(), 7));
}

TEST(Upsample2x, RefusesWrongShapesByName) {
  float data[64] = {};
  const Tensor x{data, {1, 2, 2, 1}}, y{data, {1, 4, 5, 1}};
  try {
    upsample2x(Queue{}, x, y);
    FAIL() << "accepted";
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(),
                 "upsample2x: the large tensor is f32 1x4x5x1, expected shape 1x4x4x1");
  }
}

}  // namespace
}  // namespace dae::test
