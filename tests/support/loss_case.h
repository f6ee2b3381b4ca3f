// Cases for the terms of a sum of losses (kernels/loss_term.h): each op's test gives its value and
// gradient in fp64, and gets every way to write a term checked against them.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "kernels/loss_term.h"
#include "runtime/parallel.h"
#include "tests/support/op_case.h"

namespace dae::test {

struct ReferenceTerm {
  double value = 0;
  Values gradient = {};  // d(term) / dy
};

struct LossOp {
  using Call = void (*)(const Queue&, const Tensor& y, const Tensor& target, const LossTerm&,
                        const Tensor& workspace);
  std::string name;
  Call call;
  std::function<int64_t(const Shape&)> workspace_count;
  // target: codes from 0 to 255.
  std::function<ReferenceTerm(const Shape&, const Values& y, const Values& target)> reference;
  Tolerance tolerance;  // the absolute part: of the largest element of the gradient
};

// Pictures: waves and noise, the restoration a paler, noisier copy of the target.
struct Pictures {
  Values y, target;
};
inline Pictures pictures_of(const Shape& s, uint64_t seed = 7) {
  const Values noise = random_values(s.count(), seed), more = random_values(s.count(), seed + 1);
  Pictures p;
  for (int64_t i = 0; i < s.count(); i++) {
    const int64_t c = i % s[3], x = i / s[3] % s[2], row = i / s[3] / s[2];
    const double wave = std::sin(0.31 * double(x) + 0.17 * double(row) + double(c));
    p.target.push_back(std::nearbyint(127 + 90 * wave + 30 * noise[i]));
    p.y.push_back(0.1 + 0.7 * p.target[i] / 255 + 0.1 * more[i]);
  }
  return p;
}

struct LossCase {
  Shape shape;
  float weight = 1;
  bool first = true;
  size_t misalign = 0;  // bytes, of u8; four times as many of f32
  Pictures pictures = {};
  std::string name = "";
};

inline OpCase loss_case(const LossOp& op, const LossCase& c) {
  const Pictures p = c.pictures.y.empty() ? pictures_of(c.shape) : c.pictures;
  const ReferenceTerm want = op.reference(c.shape, p.y, p.target);
  double largest = 0;
  for (const double g : want.gradient) largest = std::max(largest, std::abs(g));
  const Role role = c.first ? Role::out : Role::in_out;
  const size_t floats = 4 * c.misalign;
  const LossTerm term{.weight = c.weight, .first = c.first};
  Tolerance tolerance = op.tolerance;
  tolerance.absolute *= c.weight * largest;
  return {.name = op.name + "_" + to_string(c.shape) + (c.first ? "" : "_added") +
                  (c.misalign ? "_misaligned" : "") + (c.name.empty() ? "" : "_" + c.name),
          .args = {{.name = "y", .shape = c.shape, .values = p.y, .misalign = floats},
                   {.name = "target",
                    .shape = c.shape,
                    .dtype = DType::u8,
                    .values = p.target,
                    .misalign = c.misalign},
                   {.name = "dy",
                    .shape = c.shape,
                    .role = role,
                    .low = -largest,
                    .high = largest,
                    .misalign = floats},
                   {.name = "total", .shape = {1}, .role = role},
                   {.name = "report", .shape = {2}, .role = Role::out},
                   {.name = "workspace",
                    .shape = {op.workspace_count(c.shape)},
                    .role = Role::scratch}},
          .run =
              [=](const Queue& q, const auto& t) {
                LossTerm out = term;
                out.dy = t[2];
                out.total = t[3];
                out.report = t[4];
                op.call(q, t[0], t[1], out, t[5]);
              },
          .reference =
              [=](auto& v) {
                const ReferenceTerm r = op.reference(c.shape, v[0], v[1]);
                double square = 0;
                for (size_t i = 0; i < r.gradient.size(); i++) {
                  const double g = term.weight * r.gradient[i];
                  v[2][i] = (c.first ? 0 : v[2][i]) + g;
                  square += g * g;
                }
                v[3] = {(c.first ? 0 : v[3][0]) + term.weight * r.value};
                v[4] = {r.value, std::sqrt(square)};
              },
          .tolerance = tolerance};
}

// Odd and even shapes, one image and several, every way to write a term.
inline std::vector<OpCase> loss_cases(const LossOp& op, const std::vector<Shape>& shapes) {
  std::vector<OpCase> list;
  for (const Shape& shape : shapes) list.push_back(loss_case(op, {.shape = shape}));
  list.push_back(loss_case(op, {.shape = shapes[0], .weight = 0.3f, .first = false}));
  list.push_back(loss_case(op, {.shape = shapes[1], .weight = 2.5f, .misalign = 1}));
  return list;
}

// Everything that the op writes has the same bits for every number of CPU threads.
inline void expect_no_dependence_on_threads(const LossOp& op, const Shape& shape) {
  const Pictures p = pictures_of(shape);
  std::vector<float> y(p.y.begin(), p.y.end()), first;
  std::vector<uint8_t> target(p.target.begin(), p.target.end());
  std::vector<float> workspace(static_cast<size_t>(op.workspace_count(shape)));
  const int before = threads();
  for (const int count : {1, 2, 3, 5}) {
    set_threads(count);
    std::vector<float> out(y.size() + 3);  // dy, total, report
    float* const total = out.data() + y.size();
    op.call(Queue{}, {y.data(), shape}, {target.data(), shape, DType::u8},
            {.dy = {out.data(), shape}, .total = {total, {1}}, .report = {total + 1, {2}}},
            {workspace.data(), {static_cast<int64_t>(workspace.size())}});
    if (first.empty()) first = out;
    EXPECT_EQ(first, out) << op.name << " with " << count << " threads";
  }
  set_threads(before);
}

// The reference itself: its gradient against finite differences of its value.
inline void expect_reference_gradient(const LossOp& op, const Shape& shape, const Pictures& p) {
  expect_gradient([&](const Values& y) { return Values{op.reference(shape, y, p.target).value}; },
                  [&](const Values& y, const Values& dy) {
                    Values gradient = op.reference(shape, y, p.target).gradient;
                    for (double& g : gradient) g *= dy[0];
                    return gradient;
                  },
                  p.y);
}

}  // namespace dae::test
