#include "kernels/upconv_weights.h"

#include "tests/support/reference_conv.h"

namespace dae::test {
namespace {

// By the formula of one axis as a matrix: 4-tap t is the sum over s of kAxis[t][s] times 3-tap s.
constexpr double kAxis[4][3] = {{0, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 0}};

template <class F>
void for_each_pair(int64_t k, int64_t c, const F& f) {
  for (int64_t filter = 0; filter < k; filter++)
    for (int64_t channel = 0; channel < c; channel++)
      for (int u = 0; u < 4; u++)
        for (int v = 0; v < 4; v++)
          for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
              f(((filter * 3 + i) * 3 + j) * c + channel, ((channel * 4 + u) * 4 + v) * k + filter,
                kAxis[u][i] * kAxis[v][j]);
}

Values to_w4(const Values& w3, int64_t k, int64_t c) {
  Values w4(k * c * 16);
  for_each_pair(k, c, [&](int64_t i3, int64_t i4, double factor) { w4[i4] += factor * w3[i3]; });
  return w4;
}

Values to_dw3(const Values& dw4, int64_t k, int64_t c) {
  Values dw3(k * c * 9);
  for_each_pair(k, c, [&](int64_t i3, int64_t i4, double factor) { dw3[i3] += factor * dw4[i4]; });
  return dw3;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const auto& [k, c] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {32, 64}, {33, 31}}) {
    const Shape w3 = {k, 3, 3, c}, w4 = {c, 4, 4, k};
    const Tolerance tolerance = {5e-7, 0, "three f32 additions of values up to 1"};
    list.push_back(
        {.name = "forward_" + to_string(w3),
         .args = {{.name = "w3", .shape = w3}, {.name = "w4", .shape = w4, .role = Role::out}},
         .run = [](const Queue& q, const auto& t) { upconv_weights(q, t[0], t[1]); },
         .reference = [k = k, c = c](auto& v) { v[1] = to_w4(v[0], k, c); },
         .tolerance = tolerance});
    list.push_back(
        {.name = "backward_" + to_string(w3),
         .args = {{.name = "dw4", .shape = w4}, {.name = "dw3", .shape = w3, .role = Role::out}},
         .run = [](const Queue& q, const auto& t) { upconv_weights_backward(q, t[0], t[1]); },
         .reference = [k = k, c = c](auto& v) { v[1] = to_dw3(v[0], k, c); },
         .tolerance = tolerance});
  }
  return list;
}

DAE_OP_TEST(UpconvWeights, cases());
DAE_OP_TEST(UpconvWeightsBf16, in_bf16(cases(), {"w3"}));

// The identity itself, in fp64: upsampling then 3x3 against the transposed 4x4.
TEST(UpconvWeights, TransposedConvolutionEqualsUpsampleThenConvolve) {
  const int64_t k = 2, c = 3, h = 4, w = 5;
  const Values w3 = random_values(k * 9 * c, 1), x = random_values(h * w * c, 2);
  Values upsampled(4 * h * w * c);
  for (int64_t i = 0; i < 2 * h; i++)
    for (int64_t j = 0; j < 2 * w; j++)
      for (int64_t channel = 0; channel < c; channel++)
        upsampled[(i * 2 * w + j) * c + channel] = x[((i / 2) * w + j / 2) * c + channel];
  const ConvSpec conv3{.x = {1, 2 * h, 2 * w, c}, .y = {1, 2 * h, 2 * w, k}, .bias = false};
  const ConvSpec conv4{.x = {1, 2 * h, 2 * w, k},
                       .y = {1, h, w, c},
                       .kernel = 4,
                       .stride = 2,
                       .pad = 1,
                       .bias = false};
  const Values want = conv_forward(conv3, upsampled, w3, {}, {});
  const Values got = conv_backward_data(conv4, x, to_w4(w3, k, c));
  for (size_t i = 0; i < want.size(); i++) EXPECT_NEAR(got[i], want[i], 1e-13);
}

TEST(UpconvWeightsReference, GradientMatchesFiniteDifferences) {
  expect_gradient([](const Values& v) { return to_w4(v, 2, 3); },
                  [](const Values&, const Values& dy) { return to_dw3(dy, 2, 3); },
                  random_values(54, 1));
}

}  // namespace
}  // namespace dae::test
