#include "kernels/output_backward.h"

#include <cmath>

#include "runtime/error.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values sigmoid_of(const Values& z) {
  Values y;
  for (const double v : z) y.push_back(1 / (1 + std::exp(-v)));
  return y;
}
Values sigmoid_backward_reference(const Values& y, const Values& dy) {
  Values dz;
  for (size_t i = 0; i < y.size(); i++) dz.push_back(dy[i] * y[i] * (1 - y[i]));
  return dz;
}

// An empty x or gain stands for zeros or ones, as in the op.
struct Inputs {
  Values r, x, gain;
  int64_t pixels;  // an image

  double base(size_t i) const { return r[i] + (x.empty() ? 0 : x[i]); }
  size_t gain_index(size_t i) const { return i / (pixels * 3) * 3 + i % 3; }
  double factor(size_t i) const { return gain.empty() ? 1 : gain[gain_index(i)]; }
};
Values output_of(const Inputs& in) {
  Values y;
  for (size_t i = 0; i < in.r.size(); i++) y.push_back(in.factor(i) * in.base(i));
  return y;
}
Values dr_reference(const Inputs& in, const Values& dy) {
  Values dr;
  for (size_t i = 0; i < dy.size(); i++) dr.push_back(dy[i] * in.factor(i));
  return dr;
}
Values dgain_reference(const Inputs& in, const Values& dy) {
  Values d(in.r.size() / in.pixels);
  for (size_t i = 0; i < dy.size(); i++) d[in.gain_index(i)] += dy[i] * in.base(i);
  return d;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  // The last has more gains than the second kernel's first block has threads.
  for (const Shape& s : {Shape{1, 1, 1, 3}, Shape{2, 5, 7, 3}, Shape{3, 33, 31, 3},
                         Shape{2, 64, 64, 3}, Shape{70, 1, 2, 3}}) {
    list.push_back(
        {.name = "sigmoid_" + to_string(s),
         .args = {{.name = "y", .shape = s, .low = 0, .high = 1, .misalign = 4},
                  {.name = "dy", .shape = s},
                  {.name = "dz", .shape = s, .role = Role::out, .misalign = 4}},
         .run = [](const Queue& q, const auto& t) { sigmoid_backward(q, t[0], t[1], t[2]); },
         .reference = [](auto& v) { v[2] = sigmoid_backward_reference(v[0], v[1]); },
         .tolerance = {1e-7, 0, "three f32 roundings of values below 1"}});
    for (const bool with_x : {true, false})
      for (const bool with_gain : {true, false}) {
        const int64_t pixels = s[1] * s[2];
        const auto inputs = [=](const std::vector<Values>& v) {
          return Inputs{v[0], with_x ? v[1] : Values{}, with_gain ? v[2] : Values{}, pixels};
        };
        list.push_back(
            {.name = "residual_" + to_string(s) + (with_x ? "_input" : "") +
                     (with_gain ? "_gain" : "") + many_blocks(s),
             .args =
                 {{.name = "r", .shape = s, .misalign = 4},
                  {.name = "x", .shape = s, .low = 0, .high = 1, .given = with_x},
                  {.name = "gain", .shape = {s[0], 3}, .low = 0.4, .high = 2.5, .given = with_gain},
                  {.name = "dy", .shape = s},
                  {.name = "dr", .shape = s, .role = Role::out, .misalign = 8},
                  {.name = "dgain", .shape = {with_gain ? s[0] : 0, 3}, .role = Role::out},
                  {.name = "workspace", .shape = {loss_workspace_count(s)}, .role = Role::scratch}},
             .run =
                 [=](const Queue& q, const auto& t) {
                   residual_output_backward(q, t[0], with_x ? t[1] : Tensor{},
                                            with_gain ? t[2] : Tensor{}, t[3], t[4],
                                            with_gain ? t[5] : Tensor{}, t[6]);
                 },
             .reference =
                 [=](auto& v) {
                   const Inputs in = inputs(v);
                   v[4] = dr_reference(in, v[3]);
                   if (with_gain) v[5] = dgain_reference(in, v[3]);
                 },
             .tolerance = {2e-4 * double(pixels) / 4096 + 1e-6, 2e-6,
                           "f32 sums of 1024 products of either sign"}});
      }
  }
  return list;
}

DAE_OP_TEST(OutputBackward, cases());
DAE_OP_TEST(OutputBackwardBf16, in_bf16(cases(), {"y", "x", "gain", "dy", "dgain"}));

TEST(OutputBackwardReference, GradientsMatchFiniteDifferences) {
  expect_gradient(
      sigmoid_of,
      [](const Values& z, const Values& dy) {
        return sigmoid_backward_reference(sigmoid_of(z), dy);
      },
      random_values(12, 1, -3, 3));
  const Inputs in{random_values(24, 1), random_values(24, 2), random_values(6, 3, 0.5, 2), 4};
  expect_gradient(
      [&](const Values& r) {
        return output_of({r, in.x, in.gain, 4});
      },
      [&](const Values& r, const Values& dy) {
        return dr_reference({r, in.x, in.gain, 4}, dy);
      },
      in.r);
  expect_gradient(
      [&](const Values& gain) {
        return output_of({in.r, in.x, gain, 4});
      },
      [&](const Values& gain, const Values& dy) {
        return dgain_reference({in.r, in.x, gain, 4}, dy);
      },
      in.gain);
}

TEST(OutputBackward, RefusesWhatDoesNotFit) {
  float data[64] = {};
  const Tensor image{data, {1, 2, 2, 3}}, other{data, {1, 2, 1, 3}}, gain{data, {1, 3}};
  const Tensor workspace{data, {loss_workspace_count(image.shape)}};
  EXPECT_THROW(sigmoid_backward(Queue{}, image, other, image), Error);
  EXPECT_THROW(residual_output_backward(Queue{}, image, {}, {}, other, image, {}, workspace),
               Error);
  EXPECT_THROW(residual_output_backward(Queue{}, image, {}, gain, image, image, {}, workspace),
               Error);
}

}  // namespace
}  // namespace dae::test
