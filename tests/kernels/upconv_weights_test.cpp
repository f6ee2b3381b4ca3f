#include "kernels/upconv_weights.h"

#include "tests/support/reference_conv.h"

namespace dae::test {
namespace {

// By the formula of one axis as a matrix. Transposed: 4-tap t is the sum over s of kAxis[t][s]
// times 3-tap s. Phases: tap t of phase a likewise, by row 2a + t of kPhase.
constexpr double kAxis[4][3] = {{0, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 0}};
constexpr double kPhase[4][3] = {{1, 0, 0}, {0, 1, 1}, {1, 1, 0}, {0, 0, 1}};

struct Size {
  int64_t k, c;
  bool phases;

  Shape w3() const { return {k, 3, 3, c}; }
  Shape sums() const { return phases ? Shape{4 * k, 2, 2, c} : Shape{c, 4, 4, k}; }
};

template <class F>
void for_each_pair(const Size& size, const F& f) {
  const auto [k, c, phases] = size;
  for (int64_t filter = 0; filter < k; filter++)
    for (int64_t channel = 0; channel < c; channel++)
      for (int u = 0; u < 4; u++)
        for (int v = 0; v < 4; v++)
          for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
              const int64_t from = ((filter * 3 + i) * 3 + j) * c + channel;
              if (phases)
                f(from,
                  ((((u / 2) * 2 + v / 2) * k + filter) * 4 + u % 2 * 2 + v % 2) * c + channel,
                  kPhase[u][i] * kPhase[v][j]);
              else
                f(from, ((channel * 4 + u) * 4 + v) * k + filter, kAxis[u][i] * kAxis[v][j]);
            }
}

Values to_sums(const Values& w3, const Size& size) {
  Values sums(size.sums().count());
  for_each_pair(size, [&](int64_t i3, int64_t i, double factor) { sums[i] += factor * w3[i3]; });
  return sums;
}

Values to_dw3(const Values& dw, const Size& size) {
  Values dw3(size.w3().count());
  for_each_pair(size, [&](int64_t i3, int64_t i, double factor) { dw3[i3] += factor * dw[i]; });
  return dw3;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const bool phases : {false, true})
    for (const auto& [k, c] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {32, 64}, {33, 31}}) {
      const Size size{k, c, phases};
      const std::string name = to_string(size.w3()) + (phases ? "_phases" : "");
      const Tolerance tolerance = {5e-7, 0, "three f32 additions of values up to 1"};
      list.push_back({.name = "forward_" + name,
                      .args = {{.name = "w3", .shape = size.w3()},
                               {.name = "w", .shape = size.sums(), .role = Role::out}},
                      .run = [](const Queue& q, const auto& t) { upconv_weights(q, t[0], t[1]); },
                      .reference = [size](auto& v) { v[1] = to_sums(v[0], size); },
                      .tolerance = tolerance});
      list.push_back(
          {.name = "backward_" + name,
           .args = {{.name = "dw", .shape = size.sums()},
                    {.name = "dw3", .shape = size.w3(), .role = Role::out}},
           .run = [](const Queue& q, const auto& t) { upconv_weights_backward(q, t[0], t[1]); },
           .reference = [size](auto& v) { v[1] = to_dw3(v[0], size); },
           .tolerance = tolerance});
    }
  return list;
}

DAE_OP_TEST(UpconvWeights, cases());
DAE_OP_TEST(UpconvWeightsBf16, in_bf16(cases(), {"w3"}));

// The identities themselves, in fp64: upsampling then 3x3 against both forms.
TEST(UpconvWeights, BothFormsEqualUpsampleThenConvolve) {
  const int64_t k = 2, c = 3, h = 4, w = 5;
  const Values w3 = random_values(k * 9 * c, 1), x = random_values(h * w * c, 2);
  Values upsampled(4 * h * w * c);
  for (int64_t i = 0; i < 2 * h; i++)
    for (int64_t j = 0; j < 2 * w; j++)
      for (int64_t channel = 0; channel < c; channel++)
        upsampled[(i * 2 * w + j) * c + channel] = x[((i / 2) * w + j / 2) * c + channel];
  const ConvSpec conv3{.x = {1, 2 * h, 2 * w, c}, .y = {1, 2 * h, 2 * w, k}, .bias = false};
  const Values want = conv_forward(conv3, upsampled, w3, {}, {});

  const ConvSpec conv4{.x = {1, 2 * h, 2 * w, k},
                       .y = {1, h, w, c},
                       .kernel = 4,
                       .stride = 2,
                       .pad = 1,
                       .bias = false};
  const Values transposed = conv_backward_data(conv4, x, to_sums(w3, {k, c, false}));
  for (size_t i = 0; i < want.size(); i++) EXPECT_NEAR(transposed[i], want[i], 1e-13);

  const ConvSpec conv2{
      .x = {1, h, w, c}, .y = {1, h + 1, w + 1, 4 * k}, .kernel = 2, .pad = 1, .bias = false};
  const Values phases = conv_forward(conv2, x, to_sums(w3, {k, c, true}), {}, {});
  for (int64_t i = 0; i < 2 * h; i++)
    for (int64_t j = 0; j < 2 * w; j++)
      for (int64_t f = 0; f < k; f++) {
        const int64_t at = (i / 2 + i % 2) * (w + 1) + j / 2 + j % 2, phase = i % 2 * 2 + j % 2;
        EXPECT_NEAR(phases[(at * 4 + phase) * k + f], want[(i * 2 * w + j) * k + f], 1e-13);
      }
}

TEST(UpconvWeightsReference, GradientMatchesFiniteDifferences) {
  for (const bool phases : {false, true})
    expect_gradient(
        [=](const Values& v) {
          return to_sums(v, {2, 3, phases});
        },
        [=](const Values&, const Values& dy) {
          return to_dw3(dy, {2, 3, phases});
        },
        random_values(54, 1));
}

}  // namespace
}  // namespace dae::test
