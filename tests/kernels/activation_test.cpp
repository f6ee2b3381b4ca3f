#include "kernels/activation.h"

#include "runtime/error.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

std::vector<OpCase> cases() {
  struct Size {
    Shape shape;
    int block = 1;
    size_t misalign = 0;
  };
  std::vector<OpCase> list;
  for (const auto& [s, block, misalign] :
       {Size{{1}}, Size{{31}}, Size{{0, 4, 4, 8}}, Size{{2, 3, 5, 7}}, Size{{1, 3, 5, 32}, 16},
        Size{{1, 3, 2, 9}, 1, 4}, Size{{3, 37, 11, 16}, 8}}) {
    const std::string size =
        to_string(Tensor{nullptr, s, DType::f32, block}) + (misalign ? "_misaligned" : "");
    // y as a ReLU leaves it: zeros (of both signs) and positive values.
    Values y = random_values(s.count(), 5);
    for (double& v : y) v = v > 0 ? v : v < -0.5 ? -0.0 : 0.0;
    list.push_back(
        {.name = "relu_backward_" + size,
         .args = {{.name = "y", .shape = s, .values = y, .block = block, .misalign = misalign},
                  {.name = "dy", .shape = s, .role = Role::in_out, .block = block}},
         .run = [](const Queue& q, const auto& t) { relu_backward(q, t[0], t[1]); },
         .reference =
             [](auto& v) {
               for (size_t i = 0; i < v[1].size(); i++) v[1][i] = v[0][i] > 0 ? v[1][i] : 0;
             }});
    list.push_back({.name = "add_" + size,
                    .args = {{.name = "x", .shape = s, .block = block, .misalign = misalign},
                             {.name = "y", .shape = s, .role = Role::in_out, .block = block}},
                    .run = [](const Queue& q, const auto& t) { add(q, t[0], t[1]); },
                    .reference =
                        [](auto& v) {
                          for (size_t i = 0; i < v[1].size(); i++) v[1][i] += v[0][i];
                        },
                    .tolerance = {1.2e-7, 0, "one f32 rounding of a sum up to 2"}});
  }
  return list;
}

DAE_OP_TEST(Activation, cases());
DAE_OP_TEST(ActivationBf16, in_bf16(cases()));

TEST(Activation, RefusesDifferentLayouts) {
  float data[32] = {};
  const Tensor plain{data, {1, 1, 2, 16}}, blocked{data, {1, 1, 2, 16}, DType::f32, 16},
      other{data, {1, 2, 1, 16}};
  EXPECT_THROW(add(Queue{}, plain, blocked), Error);
  EXPECT_THROW(relu_backward(Queue{}, plain, other), Error);
}

}  // namespace
}  // namespace dae::test
