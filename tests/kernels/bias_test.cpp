#include "kernels/bias.h"

#include "kernels/partial_sums.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values bias_relu_reference(const Values& b, const Values& addend, const Values& y, bool relu) {
  Values out(y.size());
  for (size_t i = 0; i < y.size(); i++) {
    const double sum = y[i] + b[i % b.size()] + (addend.empty() ? 0 : addend[i]);
    out[i] = relu && sum <= 0 ? 0 : sum;
  }
  return out;
}

Values masked(const Values& y, const Values& dy) {
  Values out(dy.size());
  for (size_t i = 0; i < dy.size(); i++) out[i] = y[i] > 0 ? dy[i] : 0;
  return out;
}

Values channel_sums(const Values& dy, int64_t channels) {
  Values db(channels);
  for (size_t i = 0; i < dy.size(); i++) db[i % channels] += dy[i];
  return db;
}

std::vector<OpCase> cases() {
  struct Size {
    Shape shape;
    int block = 1;
    size_t misalign = 0;
  };
  std::vector<OpCase> list;
  for (const auto& [s, block, misalign] :
       {Size{{1, 1, 1, 1}}, Size{{2, 3, 5, 7}}, Size{{1, 31, 33, 40}}, Size{{0, 4, 4, 8}},
        Size{{2, 5, 9, 3}}, Size{{1, 2, 3, 1100}}, Size{{1, 1, 3, 2304}}, Size{{2, 9, 3, 32}, 16},
        Size{{3, 4, 2, 16}, 8}, Size{{1, 3, 2, 8}, 1, 4}, Size{{2, 3, 3, 8}},
        Size{{1, 47, 45, 3}}})  // 34 runs of pixels, which 32 rows of threads add
    for (const bool relu : {false, true}) {
      const int64_t channels = s[3];
      const std::string size = to_string(Tensor{nullptr, s, DType::f32, block}) +
                               (relu ? "_relu" : "") + (misalign ? "_misaligned" : "") +
                               many_blocks(s);
      for (const bool adds : {false, true})
        list.push_back(
            {.name = "forward_" + size + (adds ? "_addend" : ""),
             .args = {{.name = "b", .shape = {channels}},
                      {.name = "addend", .shape = s, .block = block, .given = adds},
                      {.name = "y",
                       .shape = s,
                       .role = Role::in_out,
                       .block = block,
                       .misalign = misalign}},
             .run = [=](const Queue& q,
                        const auto& t) { bias_relu(q, t[0], adds ? t[1] : Tensor{}, t[2], relu); },
             .reference =
                 [=](auto& v) {
                   v[2] = bias_relu_reference(v[0], adds ? v[1] : Values{}, v[2], relu);
                 },
             .tolerance = {2.4e-7, 0, "two f32 roundings of sums up to 3"}});
      Values y = random_values(s.count(), 5);
      for (double& v : y) v = v > 0 ? v : 0;
      list.push_back(
          {.name = "backward_" + size,
           .args = {{.name = "y", .shape = s, .values = y, .block = block, .given = relu},
                    {.name = "dy",
                     .shape = s,
                     .role = Role::in_out,
                     .block = block,
                     .misalign = misalign},
                    {.name = "db", .shape = {channels}, .role = Role::out},
                    {.name = "workspace",
                     .shape = {relu_bias_backward_workspace_count({nullptr, s, DType::f32, block})},
                     .role = Role::scratch}},
           .run =
               [relu](const Queue& q, const auto& t) {
                 relu_bias_backward(q, relu ? t[0] : Tensor{}, t[1], t[2], relu, t[3]);
               },
           .reference =
               [relu, channels](auto& v) {
                 if (relu) v[1] = masked(v[0], v[1]);
                 v[2] = channel_sums(v[1], channels);
               },
           .tolerance = {1e-6 + 1e-7 * double(s[0] * s[1] * s[2]), 0, "f32 sums of pixels"}});
      if (misalign || block > 1) continue;
      // The same, but that the partial sums are left, and added by an op of their own.
      OpCase& left = list.emplace_back(list.back());
      left.name = "backward_left_" + size;
      left.run = [relu, s = s](const Queue& q, const auto& t) {
        const Tensor rows{t[3].data, bias_backward_sums(s)};
        relu_bias_backward(q, relu ? t[0] : Tensor{}, t[1], {}, relu, rows);
        const PartialSum sum[] = {{rows, t[2]}};
        sum_partials(q, sum);
      };
      left.args[3].given = false;  // but as rows
      left.gpu_only = true;
    }
  return list;
}

DAE_OP_TEST(Bias, cases());
DAE_OP_TEST(BiasBf16, in_bf16(cases()));

TEST(BiasReference, GradientsMatchFiniteDifferences) {
  const Values b = random_values(3, 1), x = random_values(24, 2);
  const auto masked_gradient = [&](const Values& bias, const Values& in, const Values& dy) {
    return masked(bias_relu_reference(bias, {}, in, true), dy);
  };
  expect_gradient([&](const Values& v) { return bias_relu_reference(b, {}, v, true); },
                  [&](const Values& v, const Values& dy) { return masked_gradient(b, v, dy); }, x);
  expect_gradient(
      [&](const Values& v) { return bias_relu_reference(v, {}, x, true); },
      [&](const Values& v, const Values& dy) { return channel_sums(masked_gradient(v, x, dy), 3); },
      b);
}

}  // namespace
}  // namespace dae::test
