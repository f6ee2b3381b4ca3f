#include "kernels/dense.h"

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values dense(const DenseSpec& s, const Values& x, const Values& w, const Values& b) {
  Values y(s.batch * s.outputs);
  for (int64_t n = 0; n < s.batch; n++)
    for (int64_t o = 0; o < s.outputs; o++) {
      double sum = b[o];
      for (int64_t i = 0; i < s.inputs; i++) sum += x[n * s.inputs + i] * w[o * s.inputs + i];
      y[n * s.outputs + o] = s.relu && sum < 0 ? 0 : sum;
    }
  return y;
}

Values backward_data(const DenseSpec& s, const Values& dy, const Values& w) {
  Values dx(s.batch * s.inputs);
  for (int64_t n = 0; n < s.batch; n++)
    for (int64_t o = 0; o < s.outputs; o++)
      for (int64_t i = 0; i < s.inputs; i++)
        dx[n * s.inputs + i] += dy[n * s.outputs + o] * w[o * s.inputs + i];
  return dx;
}

Values backward_weights(const DenseSpec& s, const Values& x, const Values& dy) {
  Values dw(s.outputs * s.inputs);
  for (int64_t n = 0; n < s.batch; n++)
    for (int64_t o = 0; o < s.outputs; o++)
      for (int64_t i = 0; i < s.inputs; i++)
        dw[o * s.inputs + i] += dy[n * s.outputs + o] * x[n * s.inputs + i];
  return dw;
}

Values backward_bias(const DenseSpec& s, const Values& dy) {
  Values db(s.outputs);
  for (size_t i = 0; i < dy.size(); i++) db[i % s.outputs] += dy[i];
  return db;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const DenseSpec& s : {DenseSpec{1, 1, 1, false}, DenseSpec{3, 31, 5, true},
                             DenseSpec{2, 256, 64, true}, DenseSpec{16, 33, 3, false}}) {
    const std::string size = std::to_string(s.batch) + "x" + std::to_string(s.inputs) + "_to_" +
                             std::to_string(s.outputs) + (s.relu ? "_relu" : "");
    const Arg x{.name = "x", .shape = {s.batch, s.inputs}};
    const Arg w{.name = "w", .shape = {s.outputs, s.inputs}};
    const Arg b{.name = "b", .shape = {s.outputs}};
    const Arg y{.name = "y", .shape = {s.batch, s.outputs}};
    const auto out = [](Arg arg) {
      arg.role = Role::out;
      return arg;
    };
    const auto scratch = [](int64_t bytes) {
      return Arg{.name = "workspace", .shape = {bytes}, .role = Role::scratch, .dtype = DType::u8};
    };
    const Tolerance tolerance = {1e-6 + 6e-8 * static_cast<double>(s.inputs), 1e-6, "f32 sums"};
    const DenseForward forward(Device::cpu, s);
    list.push_back(
        {.name = "forward_" + size,
         .args = {x, w, b, out(y), scratch(forward.workspace_bytes())},
         .run = [=](const Queue& q, const auto& t) { forward(q, t[0], t[1], t[2], t[3], t[4]); },
         .reference = [s](auto& v) { v[3] = dense(s, v[0], v[1], v[2]); },
         .tolerance = tolerance});
    const DenseBackwardData data(Device::cpu, s);
    list.push_back({.name = "backward_data_" + size,
                    .args = {y, w, out(x), scratch(data.workspace_bytes())},
                    .run = [=](const Queue& q, const auto& t) { data(q, t[0], t[1], t[2], t[3]); },
                    .reference = [s](auto& v) { v[2] = backward_data(s, v[0], v[1]); },
                    .tolerance = tolerance});
    const DenseBackwardWeights weights(Device::cpu, s);
    list.push_back(
        {.name = "backward_weights_" + size,
         .args = {x, y, out(w), out(b), scratch(weights.workspace_bytes())},
         .run = [=](const Queue& q, const auto& t) { weights(q, t[0], t[1], t[2], t[3], t[4]); },
         .reference =
             [s](auto& v) {
               v[2] = backward_weights(s, v[0], v[1]);
               v[3] = backward_bias(s, v[1]);
             },
         .tolerance = tolerance});
  }
  return list;
}

DAE_OP_TEST(Dense, cases());

TEST(DenseReference, GradientsMatchFiniteDifferences) {
  const DenseSpec s{3, 4, 5, false};
  const Values x = random_values(12, 1), w = random_values(20, 2), b = random_values(5, 3);
  expect_gradient([&](const Values& v) { return dense(s, v, w, b); },
                  [&](const Values&, const Values& dy) { return backward_data(s, dy, w); }, x);
  expect_gradient([&](const Values& v) { return dense(s, x, v, b); },
                  [&](const Values&, const Values& dy) { return backward_weights(s, x, dy); }, w);
  expect_gradient([&](const Values& v) { return dense(s, x, w, v); },
                  [&](const Values&, const Values& dy) { return backward_bias(s, dy); }, b);
}

}  // namespace
}  // namespace dae::test
