#include "kernels/sigmoid_mse.h"

#include <cmath>

#include "runtime/error.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

Values sigmoid_reference(const Values& z) {
  Values y(z.size());
  for (size_t i = 0; i < z.size(); i++) y[i] = 1 / (1 + std::exp(-z[i]));
  return y;
}

double loss_reference(const Values& z, const Values& target) {
  const Values y = sigmoid_reference(z);
  double sum = 0;
  for (size_t i = 0; i < z.size(); i++) sum += (y[i] - target[i] / 255) * (y[i] - target[i] / 255);
  return sum / double(z.size());
}

Values gradient_reference(const Values& z, const Values& target) {
  const Values y = sigmoid_reference(z);
  Values dz(z.size());
  for (size_t i = 0; i < z.size(); i++)
    dz[i] = 2 * (y[i] - target[i] / 255) * y[i] * (1 - y[i]) / double(z.size());
  return dz;
}

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  // The last has more images, so partial sums, than the second kernel has threads.
  for (const Shape& s : {Shape{1, 1, 1, 3}, Shape{2, 5, 7, 3}, Shape{1, 31, 67, 3},
                         Shape{3, 64, 64, 3}, Shape{300, 1, 2, 3}}) {
    Values z = random_values(s.count(), 11, -4, 4);
    z[0] = 200;  // saturated both ways: no NaN, no gradient
    z[1] = -200;
    list.push_back({.name = "sigmoid_" + to_string(s),
                    .args = {{.name = "z", .shape = s, .values = z},
                             {.name = "y", .shape = s, .role = Role::out}},
                    .run = [](const Queue& q, const auto& t) { sigmoid(q, t[0], t[1]); },
                    .reference = [](auto& v) { v[1] = sigmoid_reference(v[0]); },
                    .tolerance = {1e-6, 0, "f32 exp and division"}});
    const double count = double(s.count());
    list.push_back(
        {.name = "loss_" + to_string(s) + many_blocks(s),
         .args = {{.name = "z", .shape = s, .values = z},
                  {.name = "target", .shape = s, .dtype = DType::u8, .low = 0, .high = 255},
                  {.name = "dz", .shape = s, .role = Role::out},
                  {.name = "loss", .shape = {1}, .role = Role::out},
                  {.name = "workspace", .shape = {loss_workspace_count(s)}, .role = Role::scratch}},
         .run = [](const Queue& q, const auto& t) { sigmoid_mse(q, t[0], t[1], t[2], t[3], t[4]); },
         .reference =
             [](auto& v) {
               v[3] = {loss_reference(v[0], v[1])};
               v[2] = gradient_reference(v[0], v[1]);
             },
         .tolerance = {1e-6 / count, 4e-6, "f32 sums of 1024 pixels, gradients of order 1/count"}});
  }
  return list;
}

DAE_OP_TEST(SigmoidMse, cases());
DAE_OP_TEST(SigmoidMseBf16, in_bf16(cases(), {"y", "loss"}));

TEST(SigmoidMseReference, GradientMatchesFiniteDifferences) {
  const Values target = random_values(12, 2, 0, 255);
  expect_gradient([&](const Values& z) { return Values{loss_reference(z, target)}; },
                  [&](const Values& z, const Values& dy) {
                    Values dz = gradient_reference(z, target);
                    for (double& v : dz) v *= dy[0];
                    return dz;
                  },
                  random_values(12, 1, -3, 3));
}

TEST(SigmoidMse, RefusesAnEmptyBatch) {
  EXPECT_THROW(sigmoid_mse(Queue{}, {nullptr, {0, 4, 4, 3}}, {}, {}, {}, {}), Error);
}

}  // namespace
}  // namespace dae::test
