#include "kernels/pixel_shuffle.h"

#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// Calls f(z index, y index) for every element of y.
template <class F>
void for_each_element(const Shape& y, const F& f) {
  const int64_t h = y[1] / 2, w = y[2] / 2, k = y[3];
  for (int64_t n = 0; n < y[0]; n++)
    for (int64_t i = 0; i < h; i++)
      for (int64_t j = 0; j < w; j++)
        for (int64_t a = 0; a < 2; a++)
          for (int64_t b = 0; b < 2; b++)
            for (int64_t c = 0; c < k; c++)
              f((((n * (h + 1) + i + a) * (w + 1) + j + b) * 4 + 2 * a + b) * k + c,
                ((n * 2 * h + 2 * i + a) * 2 * w + 2 * j + b) * k + c);
}

Values shuffle(const Shape& shape, const Values& z, const Values& bias, bool relu) {
  Values y(shape.count());
  for_each_element(shape, [&](int64_t from, int64_t to) {
    const double sum = z[from] + bias[to % shape[3]];
    y[to] = relu && sum <= 0 ? 0 : sum;
  });
  return y;
}

Values shuffle_backward(const Shape& shape, const Values& dy) {
  Values dz(shape[0] * (shape[1] / 2 + 1) * (shape[2] / 2 + 1) * 4 * shape[3]);
  for_each_element(shape, [&](int64_t to, int64_t from) { dz[to] = dy[from]; });
  return dz;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const auto& [s, misalign] : {std::pair<Shape, size_t>{{1, 2, 2, 1}, 0},
                                    {{2, 6, 10, 3}, 0},
                                    {{1, 2, 14, 32}, 0},
                                    {{3, 8, 4, 8}, 0},
                                    {{0, 4, 4, 8}, 0},
                                    {{1, 4, 6, 8}, 4}}) {
    const Shape z = {s[0], s[1] / 2 + 1, s[2] / 2 + 1, 4 * s[3]};
    const std::string size = to_string(s) + (misalign ? "_misaligned" : "");
    for (const bool relu : {false, true})
      list.push_back({.name = "forward_" + size + (relu ? "_relu" : ""),
                      .args = {{.name = "z", .shape = z, .misalign = misalign},
                               {.name = "bias", .shape = {s[3]}},
                               {.name = "y", .shape = s, .role = Role::out}},
                      .run = [relu](const Queue& q,
                                    const auto& t) { pixel_shuffle(q, t[0], t[1], t[2], relu); },
                      .reference = [s = s, relu](auto& v) { v[2] = shuffle(s, v[0], v[1], relu); },
                      .tolerance = {1.2e-7, 0, "one f32 rounding of a sum up to 2"}});
    list.push_back(
        {.name = "backward_" + size,
         .args = {{.name = "dy", .shape = s, .misalign = misalign},
                  {.name = "dz", .shape = z, .role = Role::out}},
         .run = [](const Queue& q, const auto& t) { pixel_shuffle_backward(q, t[0], t[1]); },
         .reference = [s = s](auto& v) { v[1] = shuffle_backward(s, v[0]); }});
  }
  return list;
}

DAE_OP_TEST(PixelShuffle, cases());
DAE_OP_TEST(PixelShuffleBf16, in_bf16(cases()));

TEST(PixelShuffleReference, GradientMatchesFiniteDifferences) {
  const Shape s = {2, 4, 6, 2};
  expect_gradient(
      [&](const Values& z) {
        return shuffle(s, z, {0.5, -0.5}, false);
      },
      [&](const Values&, const Values& dy) { return shuffle_backward(s, dy); },
      random_values(2 * 3 * 4 * 8, 1));
}

// Halved and rounded down, either fits the other tensors.
TEST(PixelShuffle, RefusesAnImageOfOddSide) {
  float data[64] = {};
  const Tensor z = {data, {1, 2, 2, 4}}, bias = {data, {1}};
  for (const Shape& odd : {Shape{1, 3, 2, 1}, {1, 2, 3, 1}}) {
    const std::string why =
        ": expected a plain NHWC image of even sides, got f32 " + to_string(odd);
    EXPECT_EQ(said([&] {
                pixel_shuffle(Queue{}, z, bias, {data, odd}, false);
              }),
              "pixel_shuffle" + why);
    EXPECT_EQ(said([&] {
                pixel_shuffle_backward(Queue{}, {data, odd}, z);
              }),
              "pixel_shuffle_backward" + why);
  }
}

}  // namespace
}  // namespace dae::test
