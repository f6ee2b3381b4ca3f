#include "kernels/noise_input.h"

#include "runtime/error.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// As the definition has it, in fp64: x is of shape s.
Values seen(const Shape& s, const Values& x, const Values& told) {
  Values y;
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t i = 0; i < s[1]; i += 2)
      for (int64_t j = 0; j < s[2]; j += 2)
        for (const auto& [a, b] : {std::pair{0, 0}, {0, 1}, {1, 0}, {1, 1}}) {
          for (int64_t c = 0; c < 3; c++)
            y.push_back(x[((n * s[1] + i + a) * s[2] + j + b) * 3 + c]);
          y.push_back(told[n] * 255 / 64);
        }
  return y;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const auto& [s, misalign] : {std::pair<Shape, size_t>{{1, 2, 2, 3}, 0},
                                    {{3, 6, 14, 3}, 0},
                                    {{2, 16, 24, 3}, 0},
                                    {{0, 8, 8, 3}, 0},
                                    {{5, 64, 64, 3}, 0},
                                    {{2, 18, 6, 3}, 4}}) {
    const Shape half = {s[0], s[1] / 2, s[2] / 2, 16};
    const Values told = random_values(s[0], 5, 0, 0.25);
    list.push_back({.name = to_string(s) + (misalign ? "_misaligned" : ""),
                    .args = {{.name = "x", .shape = s, .misalign = misalign},
                             {.name = "told", .shape = {s[0]}, .values = told},
                             {.name = "y", .shape = half, .role = Role::out, .misalign = misalign}},
                    .run = [](const Queue& q, const auto& t) { noise_input(q, t[0], t[1], t[2]); },
                    .reference = [s = s](auto& v) { v[2] = seen(s, v[0], v[1]); },
                    .tolerance = {0, 6e-8, "one f32 rounding of the level"}});
  }
  return list;
}

DAE_OP_TEST(NoiseInput, cases());

TEST(NoiseInput, RefusesShapesThatDoNotFit) {
  float data[64] = {};
  const Tensor x = {data, {1, 2, 2, 3}}, told = {data, {1}}, y = {data, {1, 1, 1, 16}};
  EXPECT_THROW(noise_input(Queue{}, y, told, y), Error);
  EXPECT_THROW(noise_input(Queue{}, x, {data, {2}}, y), Error);
  EXPECT_THROW(noise_input(Queue{}, x, told, x), Error);
  for (const Shape& odd : {Shape{1, 3, 2, 3}, {1, 2, 3, 3}})  // halved and rounded down, y fits
    EXPECT_EQ(said([&] {
                noise_input(Queue{}, {data, odd}, told, y);
              }),
              "noise_input: x is f32 " + to_string(odd) +
                  ", expected RGB pictures of even sides as NxHxWx3");
}

}  // namespace
}  // namespace dae::test
