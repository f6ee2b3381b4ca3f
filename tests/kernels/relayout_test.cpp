#include "kernels/relayout.h"

#include "tests/support/op_case.h"

namespace dae::test {
namespace {

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  for (const auto& [from, to] : {std::pair{1, 16}, {16, 1}, {8, 16}, {1, 1}})
    for (const Shape& s : {Shape{1, 1, 1, 16}, Shape{2, 3, 5, 32}})
      list.push_back(
          {.name = std::to_string(from) + "_to_" + std::to_string(to) + "_" + to_string(s),
           .args = {{.name = "x", .shape = s, .block = from},
                    {.name = "y", .shape = s, .role = Role::out, .block = to}},
           .run = [](const Queue& q, const auto& t) { relayout(q, t[0], t[1]); },
           .reference = [](auto& v) { v[1] = v[0]; }});
  return list;
}

DAE_OP_TEST_ON(std::vector{Device::cpu}, Relayout, cases());

}  // namespace
}  // namespace dae::test
