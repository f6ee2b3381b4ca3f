#include "kernels/layers/conv2d.h"

#include <cmath>

#include "kernels/bias.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "tests/support/reference_conv.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

ConvSpec make_spec(Shape x, int64_t filters, int kernel, int stride, int pad, int x_block,
                   int y_block, bool bias, bool relu, bool addend = false) {
  return {.x = x,
          .y = conv_output(x, filters, kernel, stride, pad),
          .x_block = x_block,
          .y_block = y_block,
          .kernel = kernel,
          .stride = stride,
          .pad = pad,
          .bias = bias,
          .addend = addend,
          .relu = relu};
}

std::string describe(const ConvSpec& s) {
  return std::to_string(s.kernel) + "x" + std::to_string(s.kernel) + "_stride" +
         std::to_string(s.stride) + "_" + to_string(Tensor{nullptr, s.x, DType::f32, s.x_block}) +
         "_to_" + to_string(Tensor{nullptr, s.y, DType::f32, s.y_block}) +
         (s.bias ? "" : "_no_bias") + (s.addend ? "_addend" : "") + (s.relu ? "_relu" : "");
}

// Sums of `terms` products of values up to 1, in f32: errors grow like the root of the number of
// additions. Winograd F(4x4, 3x3) loses about one decimal digit more (Lavin & Gray, 2016).
Tolerance tolerance_of(int64_t terms, bool winograd) {
  return {(winograd ? 16 : 2) * 6e-8 * terms / std::sqrt(std::sqrt(double(terms))) + 1e-6, 1e-6,
          "f32 sums"};
}

// Plans an op for the queue's device and gives it the workspace it asks for.
template <class Op, class... Tensors>
void plan_and_run(const Queue& q, const ConvSpec& spec, const Tensors&... tensors) {
  const Op op(q.device, spec);
  const Buffer workspace(q.device, static_cast<size_t>(op.workspace_bytes()));
  op(q, tensors..., {workspace.data(), {op.workspace_bytes()}, DType::u8});
  if (q.device == Device::cuda) synchronize_device();  // before the workspace goes
}

// On a GPU the bias gradient is another op's (kernels/layers/conv2d.h).
void weights_and_bias(const Queue& q, ConvSpec spec, const Tensor& x, const Tensor& dy,
                      const Tensor& dw, const Tensor& db) {
  if (spec.bias && q.device == Device::cuda) {
    spec.bias = false;
    const int64_t count = relu_bias_backward_workspace_count(dy);
    const Buffer workspace(q.device, static_cast<size_t>(count) * sizeof(float));
    relu_bias_backward(q, {}, dy, db, false, {workspace.data(), {count}});
    synchronize_device();
  }
  plan_and_run<Conv2dBackwardWeights>(q, spec, x, dy, dw, db);
}

std::vector<OpCase> cases(DType dtype) {
  const int b = preferred_block(Device::cpu, 64);
  std::vector<ConvSpec> specs = {
      make_spec({1, 1, 1, 1}, 1, 3, 1, 1, 1, 1, true, false),
      make_spec({2, 5, 7, 3}, 4, 3, 1, 1, 1, 1, true, true),
      make_spec({1, 31, 33, 5}, 3, 3, 2, 1, 1, 1, false, false),
      make_spec({2, 8, 8, 3}, 32, 3, 1, 1, 1, b, true, false),  // a head
      make_spec({2, 9, 8, 3}, 32, 3, 2, 1, 1, b, true, true),   // a strided head
      make_spec({2, 8, 9, 32}, 3, 3, 1, 1, b, 1, true, false),  // a tail
      make_spec({2, 6, 6, 64}, 32, 3, 1, 1, 1, 1, true, true),
      make_spec({1, 6, 4, 16}, 32, 2, 2, 0, 1, 1, true, false),
      make_spec({1, 6, 4, 16}, 32, 4, 2, 1, 1, 1, false, false),
      make_spec({2, 12, 12, 64}, 32, 3, 1, 1, b, b, true, true),  // Winograd where there is one
      make_spec({2, 10, 10, 32}, 48, 3, 2, 1, b, b, true, true),
      make_spec({3, 8, 6, 16}, 32, 2, 2, 0, b, b, true, false),   // U-Net down; up as its gradient
      make_spec({3, 8, 6, 16}, 32, 4, 2, 1, b, b, false, false),  // upconv as its gradient
      make_spec({2, 8, 12, 3}, 48, 4, 2, 1, 1, b, false, false),  // a tail as its gradient
      make_spec({2, 2, 2, 16}, 16, 3, 1, 1, b, b, true, true)     // smaller than the kernel
  };
  specs.push_back(make_spec({2, 6, 5, 8}, 8, 3, 1, 1, 1, 1, true, false, true));
  specs.push_back(make_spec({1, 4, 4, 3}, 5, 3, 2, 1, 1, 1, true, true, true));
  std::vector<OpCase> list;
  for (ConvSpec s : specs) {
    s.dtype = dtype;
    const bool winograd = s.kernel == 3 && s.stride == 1 && s.x[3] >= 32 && s.y[3] >= 32;
    const int64_t window = s.kernel * s.kernel;
    const Arg x{.name = "x", .shape = s.x, .block = s.x_block};
    const Arg w{.name = "w", .shape = s.weights()};
    const Arg y{.name = "y", .shape = s.y, .block = s.y_block};
    const Arg bias{.name = "b", .shape = {s.bias ? s.y[3] : 0}};
    const Arg addend{.name = "addend", .shape = s.addend ? s.y : Shape{0}};
    const auto out = [](Arg arg) {
      arg.role = Role::out;
      return arg;
    };

    list.push_back({.name = "forward_" + describe(s),
                    .args = {x, w, bias, addend, out(y)},
                    .run =
                        [=](const Queue& q, const auto& t) {
                          plan_and_run<Conv2dForward>(q, s, t[0], t[1], t[2], t[3], t[4]);
                        },
                    .reference = [s](auto& v) { v[4] = conv_forward(s, v[0], v[1], v[2], v[3]); },
                    .tolerance = tolerance_of(window * s.x[3], winograd)});
    list.push_back(
        {.name = "backward_data_" + describe(s),
         .args = {y, w, out(x)},
         .run = [=](const Queue& q,
                    const auto& t) { plan_and_run<Conv2dBackwardData>(q, s, t[0], t[1], t[2]); },
         .reference = [s](auto& v) { v[2] = conv_backward_data(s, v[0], v[1]); },
         .tolerance = tolerance_of(window * s.y[3], winograd)});
    list.push_back({.name = "backward_weights_" + describe(s),
                    .args = {x, y, out(w), out(bias)},
                    .run = [=](const Queue& q,
                               const auto& t) { weights_and_bias(q, s, t[0], t[1], t[2], t[3]); },
                    .reference =
                        [s](auto& v) {
                          v[2] = conv_backward_weights(s, v[0], v[1]);
                          if (s.bias) v[3] = conv_backward_bias(s, v[1]);
                        },
                    .tolerance = tolerance_of(s.y[0] * s.y[1] * s.y[2], winograd)});
    for (size_t i = list.size() - 3; i < list.size(); i++) list[i].gpu_only = s.addend;
  }
  return list;
}

DAE_OP_TEST(Conv2d, cases(DType::f32));
DAE_OP_TEST(Conv2dBf16, in_bf16(cases(DType::bf16)));

TEST(Conv2dReference, GradientsMatchFiniteDifferences) {
  const ConvSpec s = make_spec({2, 5, 4, 3}, 2, 3, 2, 1, 1, 1, true, false);
  const Values x = random_values(s.x.count(), 1), w = random_values(s.weights().count(), 2),
               b = random_values(s.y[3], 3);
  expect_gradient([&](const Values& v) { return conv_forward(s, v, w, b, {}); },
                  [&](const Values&, const Values& dy) { return conv_backward_data(s, dy, w); }, x);
  expect_gradient([&](const Values& v) { return conv_forward(s, x, v, b, {}); },
                  [&](const Values&, const Values& dy) { return conv_backward_weights(s, x, dy); },
                  w);
  expect_gradient([&](const Values& v) { return conv_forward(s, x, w, v, {}); },
                  [&](const Values&, const Values& dy) { return conv_backward_bias(s, dy); }, b);
}

TEST(Conv2d, RefusesShapesThatDoNotFit) {
  ConvSpec spec = make_spec({1, 8, 8, 4}, 4, 3, 1, 1, 1, 1, true, false);
  spec.y = {1, 7, 8, 4};
  EXPECT_THROW(Conv2dForward(Device::cpu, spec), Error);
}

// Of either image alone: the other is as it was planned.
TEST(Conv2d, RefusesOtherBlocksThanThoseItWasPlannedFor) {
  const ConvSpec spec = make_spec({1, 4, 4, 16}, 16, 3, 1, 1, 1, 1, true, false);
  const Conv2dForward op(Device::cpu, spec);
  std::vector<float> x(256), w(16 * 9 * 16), b(16), y(256);
  const Buffer workspace(Device::cpu, static_cast<size_t>(op.workspace_bytes()));
  const auto said_of = [&](int x_block, int y_block) {
    return said([&] {
      op(Queue{}, {x.data(), spec.x, DType::f32, x_block}, {w.data(), spec.weights()},
         {b.data(), {16}}, {}, {y.data(), spec.y, DType::f32, y_block},
         {workspace.data(), {op.workspace_bytes()}, DType::u8});
    });
  };
  EXPECT_EQ(said_of(1, 1), "accepted");
  EXPECT_EQ(said_of(8, 1),
            "conv2d_forward: planned for channel blocks of 1 and 1, got f32 1x4x4x16/8 and "
            "f32 1x4x4x16");
  EXPECT_EQ(said_of(1, 8),
            "conv2d_forward: planned for channel blocks of 1 and 1, got f32 1x4x4x16 and "
            "f32 1x4x4x16/8");
}

// oneDNN says so by an exception of its own.
TEST(Conv2d, WhatOnednnCannotDoIsAnErrorThatNamesTheOp) {
  const ConvSpec spec = make_spec({1, 8, 8, 0}, 4, 3, 1, 1, 1, 1, true, false);
  try {
    Conv2dBackwardData(Device::cpu, spec);
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what())
                    .starts_with("conv2d_backward_data: 1x8x8x0 to 1x8x8x4: oneDNN could not "))
        << error.what();
  }
}

}  // namespace
}  // namespace dae::test
