// For which convolutions this project's own kernels are offered beside cuDNN's engines, and that they
// do what was asked: operands in the order of kernels/layers/cuda_libraries.h.
#include "kernels/layers/mma_candidates.h"

#include <gtest/gtest.h>

#include "runtime/device.h"
#include "runtime/memory.h"
#include "tests/support/op_case.h"
#include "tests/support/reference_conv.h"

namespace dae::test {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

Convolution problem(Direction direction) {
  return {.direction = direction,
          .x = {2, 5, 7, 32},
          .w = {32, 3, 3, 32},
          .y = {2, 5, 7, 32},
          .bias = direction == Direction::forward,
          .dtype = DType::bf16};
}

TEST(MmaCandidates, AreForWhatTheyCompute) {
  const Convolution forward = problem(Direction::forward);
  EXPECT_EQ(mma::candidates(forward).size(), 1u);
  EXPECT_EQ(mma::candidates(problem(Direction::backward_weights)).size(), 1u);
  EXPECT_TRUE(mma::candidates(problem(Direction::backward_data)).empty());
  const auto is_refused = [&](const char* what, const auto& change) {
    Convolution changed = forward;
    change(changed);
    EXPECT_TRUE(mma::candidates(changed).empty()) << what;
  };
  is_refused("no bias", [](Convolution& p) { p.bias = false; });
  is_refused("an addend", [](Convolution& p) { p.addend = true; });
  is_refused("f32", [](Convolution& p) { p.dtype = DType::f32; });
  is_refused("a stride", [](Convolution& p) {
    p.stride = 2;
    p.y = {2, 3, 4, 32};
  });
  is_refused("a 1x1 kernel", [](Convolution& p) {
    p.w = {32, 1, 1, 32};
    p.pad = 0;
  });
  is_refused("more filters than channels", [](Convolution& p) {
    p.w = {64, 3, 3, 32};
    p.y = {2, 5, 7, 64};
  });
  is_refused("16 channels", [](Convolution& p) {
    p.x = p.y = {2, 5, 7, 16};
    p.w = {16, 3, 3, 16};
  });
}

void run(const Convolution& p, const Queue& q, const std::vector<Tensor>& operands) {
  const std::shared_ptr<Routine> routine = mma::candidates(p).at(0).build()();
  const Buffer workspace(q.device, routine->workspace_bytes());
  std::vector<const void*> data;
  for (const Tensor& tensor : operands) data.push_back(tensor.data);
  routine->run(q.stream, data, workspace.data());
  synchronize_device();  // before the workspace goes
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  const auto bf16 = [](const char* name, const Shape& shape, const Values& values) {
    return Arg{.name = name, .shape = shape, .dtype = DType::bf16, .values = values};
  };
  const auto out = [](const char* name, const Shape& shape) {
    return Arg{.name = name, .shape = shape, .role = Role::out, .dtype = DType::bf16};
  };
  for (const bool relu : {false, true}) {
    Convolution p = problem(Direction::forward);
    p.relu = relu;
    list.push_back({.name = relu ? "forward_relu" : "forward",
                    .args = {bf16("x", p.x, eighths(p.x, 1)), bf16("w", p.w, eighths(p.w, 2)),
                             out("y", p.y), bf16("b", {32}, eighths({32}, 3))},
                    .run = [p](const Queue& q, const auto& t) { run(p, q, t); },
                    .reference =
                        [p](auto& v) {
                          const ConvSpec spec{.x = p.x, .y = p.y, .relu = p.relu};
                          v[2] = conv_forward(spec, v[0], v[1], v[3], {});
                        },
                    .tolerance = {},
                    .gpu_only = true});
  }
  const Convolution p = problem(Direction::backward_weights);
  list.push_back(
      {.name = "backward_weights",
       .args = {bf16("x", p.x, eighths(p.x, 1)), bf16("dy", p.y, eighths(p.y, 2)), out("dw", p.w)},
       .run = [p](const Queue& q, const auto& t) { run(p, q, t); },
       .reference =
           [p](auto& v) { v[2] = conv_backward_weights({.x = p.x, .y = p.y}, v[0], v[1]); },
       .tolerance = {},
       .gpu_only = true});
  return list;
}

DAE_OP_TEST(MmaCandidatesRun, cases());

}  // namespace
}  // namespace dae::test
