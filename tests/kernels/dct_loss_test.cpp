#include "kernels/dct_loss.h"

#include <numbers>

#include "runtime/error.h"
#include "tests/support/loss_case.h"

namespace dae::test {
namespace {

// The definition: every coefficient as a sum over its 64 pixels.
double basis(int64_t k, int64_t i) {
  const double a = std::sqrt((k == 0 ? 1.0 : 2.0) / 8);
  return a * std::cos(double((2 * i + 1) * k) * std::numbers::pi / 16);
}

// Coefficients that only f32's rounding tells from zero are zero.
ReferenceTerm dct_reference(const Shape& s, const Values& y, const Values& target) {
  ReferenceTerm term{.gradient = Values(y.size())};
  const int64_t row = s[2] * 3;
  for (int64_t down = 0; down < s[0] * s[1]; down += 8)
    for (int64_t across = 0; across < row; across += 24)
      for (int64_t c = 0; c < 3; c++)
        for (int64_t v = 0; v < 8; v++)
          for (int64_t u = 0; u < 8; u++) {
            const auto at = [&](int64_t i, int64_t j) {
              return static_cast<size_t>((down + i) * row + across + 3 * j + c);
            };
            double coefficient = 0;
            for (int64_t i = 0; i < 8; i++)
              for (int64_t j = 0; j < 8; j++)
                coefficient += basis(v, i) * basis(u, j) * (y[at(i, j)] - target[at(i, j)] / 255);
            if (std::abs(coefficient) < 1e-6) continue;
            const double sign = coefficient > 0 ? 1 : -1;
            term.value += std::abs(coefficient) / double(y.size());
            for (int64_t i = 0; i < 8; i++)
              for (int64_t j = 0; j < 8; j++)
                term.gradient[at(i, j)] += sign * basis(v, i) * basis(u, j) / double(y.size());
          }
  return term;
}

const LossOp kDct{"dct",
                  dct_loss,
                  dct_loss_workspace_count,
                  dct_reference,
                  {2e-6, 4e-6, "f32 transforms and sums of 1536 coefficients"}};

std::vector<OpCase> cases() {
  std::vector<OpCase> list = loss_cases(
      kDct, {{2, 16, 24, 3}, {1, 8, 136, 3}, {1, 8, 8, 3}, {3, 24, 64, 3}, {2, 64, 64, 3}});
  // An exposure error alone, and none: what is zero must be exactly zero, or its sign is noise.
  Pictures p = pictures_of({1, 8, 16, 3});
  for (size_t i = 0; i < p.y.size(); i++) p.target[i] = 128;
  for (size_t i = 0; i < p.y.size(); i++)
    p.y[i] = i / 3 % 16 < 8 ? 0.7 : static_cast<float>(128) / 255.0f;
  list.push_back(loss_case(kDct, {.shape = {1, 8, 16, 3}, .pictures = p, .name = "exposure"}));
  return list;
}

DAE_OP_TEST(DctLoss, cases());

TEST(DctLossReference, GradientMatchesFiniteDifferences) {
  expect_reference_gradient(kDct, {1, 8, 8, 3}, pictures_of({1, 8, 8, 3}));
}

// Parseval, which is why this loss is L1: the squares of the coefficients are those of the errors.
TEST(DctLossReference, TheTransformIsOrthonormal) {
  for (int64_t k = 0; k < 8; k++)
    for (int64_t l = 0; l < 8; l++) {
      double product = 0;
      for (int64_t i = 0; i < 8; i++) product += basis(k, i) * basis(l, i);
      EXPECT_NEAR(product, k == l ? 1 : 0, 1e-14);
    }
}

TEST(DctLoss, SameBitsForEveryThreadCount) {
  expect_no_dependence_on_threads(kDct, {3, 24, 72, 3});
}

TEST(DctLoss, NeedsWholeBlocks) {
  for (const Shape& s : {Shape{1, 8, 12, 3}, Shape{1, 9, 8, 3}}) {
    std::vector<float> y(s.count()), workspace(dct_loss_workspace_count(s) + 8);
    std::vector<uint8_t> target(s.count());
    float total, report[2];
    const LossTerm term{.dy = {y.data(), s}, .total = {&total, {1}}, .report = {report, {2}}};
    EXPECT_THROW(dct_loss(Queue{}, {y.data(), s}, {target.data(), s, DType::u8}, term,
                          {workspace.data(), {static_cast<int64_t>(workspace.size())}}),
                 Error);
  }
}

}  // namespace
}  // namespace dae::test
