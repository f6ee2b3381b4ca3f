#include "kernels/layers/dense.h"

#include "kernels/bias.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

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

// Plans an op for the queue's device and gives it the workspace it asks for.
template <class Op, class... Tensors>
void plan_and_run(const Queue& q, const DenseSpec& spec, const Tensors&... tensors) {
  const Op op(q.device, spec);
  const Buffer workspace(q.device, static_cast<size_t>(op.workspace_bytes()));
  op(q, tensors..., {workspace.data(), {op.workspace_bytes()}, DType::u8});
  if (q.device == Device::cuda) synchronize_device();  // before the workspace goes
}

// On a GPU the bias gradient is another op's (kernels/layers/dense.h).
void weights_and_bias(const Queue& q, const DenseSpec& spec, const Tensor& x, const Tensor& dy,
                      const Tensor& dw, const Tensor& db) {
  plan_and_run<DenseBackwardWeights>(q, spec, x, dy, dw, db);
  if (q.device != Device::cuda) return;
  const Tensor image{dy.data, {spec.batch, 1, 1, spec.outputs}, spec.dtype};
  const int64_t count = relu_bias_backward_workspace_count(image);
  const Buffer workspace(q.device, static_cast<size_t>(count) * sizeof(float));
  relu_bias_backward(q, {}, image, db, false, {workspace.data(), {count}});
  synchronize_device();
}

std::vector<OpCase> cases(DType dtype) {
  std::vector<OpCase> list;
  for (const DenseSpec& s :
       {DenseSpec{1, 1, 1, false, dtype}, DenseSpec{3, 31, 5, true, dtype},
        DenseSpec{2, 256, 64, true, dtype}, DenseSpec{16, 33, 3, false, dtype}}) {
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
    const Tolerance tolerance = {1e-6 + 6e-8 * static_cast<double>(s.inputs), 1e-6, "f32 sums"};
    list.push_back(
        {.name = "forward_" + size,
         .args = {x, w, b, out(y)},
         .run = [=](const Queue& q,
                    const auto& t) { plan_and_run<DenseForward>(q, s, t[0], t[1], t[2], t[3]); },
         .reference = [s](auto& v) { v[3] = dense(s, v[0], v[1], v[2]); },
         .tolerance = tolerance});
    list.push_back(
        {.name = "backward_data_" + size,
         .args = {y, w, out(x)},
         .run = [=](const Queue& q,
                    const auto& t) { plan_and_run<DenseBackwardData>(q, s, t[0], t[1], t[2]); },
         .reference = [s](auto& v) { v[2] = backward_data(s, v[0], v[1]); },
         .tolerance = tolerance});
    list.push_back({.name = "backward_weights_" + size,
                    .args = {x, y, out(w), out(b)},
                    .run = [=](const Queue& q,
                               const auto& t) { weights_and_bias(q, s, t[0], t[1], t[2], t[3]); },
                    .reference =
                        [s](auto& v) {
                          v[2] = backward_weights(s, v[0], v[1]);
                          v[3] = backward_bias(s, v[1]);
                        },
                    .tolerance = tolerance});
  }
  return list;
}

DAE_OP_TEST(Dense, cases(DType::f32));
DAE_OP_TEST(DenseBf16, in_bf16(cases(DType::bf16)));

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

TEST(Dense, CannotPlanForNothing) {
  for (const auto& [spec, sizes] :
       {std::pair<DenseSpec, std::string>{{0, 2, 3, false}, "0 rows of 2 to 3"},
        {{1, 0, 3, false}, "1 rows of 0 to 3"},
        {{1, 2, 0, false}, "1 rows of 2 to 0"}})
    EXPECT_EQ(said([s = spec] { DenseForward(Device::cpu, s); }),
              "dense_forward: cannot plan " + sizes);
}

// oneDNN says so by an exception of its own.
TEST(Dense, WhatOnednnCannotDoIsAnErrorThatNamesTheOp) {
  const int64_t many = int64_t{1} << 40;
  try {
    DenseForward(Device::cpu, {many, many, many, false});
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("dense_forward: 1099511627776 rows of "))
        << error.what();
  }
}

}  // namespace
}  // namespace dae::test
