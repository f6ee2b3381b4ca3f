#include "kernels/ms_ssim_loss.h"

#include "runtime/error.h"
#include "tests/support/loss_case.h"
#include "tests/support/loss_fixtures.h"
#include "tests/support/reference_ssim.h"

namespace dae::test {
namespace {

constexpr double kWeights[] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

Plane halved(const Plane& p) {
  Plane half{p.height / 2, p.width / 2, {}, {}};
  for (int64_t i = 0; i < half.height * half.width; i++) {
    const int64_t at = i / half.width * 2 * p.width + i % half.width * 2;
    const auto mean = [&](const Values& v) {
      return (v[at] + v[at + 1] + v[at + p.width] + v[at + p.width + 1]) / 4;
    };
    half.y.push_back(mean(p.y));
    half.target.push_back(mean(p.target));
  }
  return half;
}

// 1 - MS-SSIM of one channel; its gradient by y.
double plane_reference(const Plane& first, int scales, Values& gradient) {
  double sum = 0, product = 1;
  for (int s = 0; s < scales; s++) sum += kWeights[s];
  std::vector<Plane> planes = {first};
  std::vector<Values> gradients(scales);  // of the logarithm of the product
  for (int s = 0; s < scales; s++) {
    if (s > 0) planes.push_back(halved(planes.back()));
    const double mean = mean_similarity(planes[s], s == scales - 1, gradients[s]);
    const double weight = kWeights[s] / sum, least = kLeastSimilarity;
    const double reach = 2 * least - mean;
    product *= std::pow(mean >= least ? mean : least * least / reach, weight);
    for (double& g : gradients[s]) g *= weight / (mean >= least ? mean : reach);
  }
  for (int s = scales - 1; s > 0; s--) {
    const Plane &large = planes[s - 1], &small = planes[s];
    for (int64_t row = 0; row < small.height * 2; row++)
      for (int64_t column = 0; column < small.width * 2; column++)
        gradients[s - 1][row * large.width + column] +=
            gradients[s][row / 2 * small.width + column / 2] / 4;
  }
  gradient = gradients[0];
  for (double& g : gradient) g *= -product;
  return 1 - product;
}

ReferenceTerm reference(const Shape& s, const Values& y, const Values& target) {
  int scales = 5;
  while ((std::min(s[1], s[2]) >> (scales - 1)) < 11) scales--;
  ReferenceTerm term{.gradient = Values(y.size())};
  const double planes = double(s[0] * 3);
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t c = 0; c < 3; c++) {
      Values gradient;
      term.value += plane_reference(plane_of(s, y, target, n, c), scales, gradient) / planes;
      for (size_t i = 0; i < gradient.size(); i++)
        term.gradient[(n * gradient.size() + i) * 3 + c] = gradient[i] / planes;
    }
  return term;
}

const LossOp kMsSsim{"ms_ssim",
                     ms_ssim_loss,
                     ms_ssim_loss_workspace_count,
                     reference,
                     {2e-5, 2e-5, "variances in f32, divided by as little as C2 = 9e-4"}};

// A negative of the picture: every mean lies below kLeastSimilarity.
Pictures unlike(const Shape& shape) {
  Pictures p = pictures_of(shape);
  for (size_t i = 0; i < p.y.size(); i++) p.y[i] = 0.55 - 0.1 * p.target[i] / 255;
  return p;
}

std::vector<OpCase> cases() {
  // The last has more planes than a block of the kernel that multiplies scales has threads.
  std::vector<OpCase> list = loss_cases(
      kMsSsim, {{2, 23, 26, 3}, {1, 47, 45, 3}, {1, 22, 22, 3}, {2, 64, 64, 3}, {22, 22, 22, 3}});
  list.push_back(loss_case(
      kMsSsim, {.shape = {1, 22, 24, 3}, .pictures = unlike({1, 22, 24, 3}), .name = "unlike"}));
  return list;
}

DAE_OP_TEST(MsSsimLoss, cases());

TEST(MsSsimLossReference, GradientMatchesFiniteDifferences) {
  const Shape s{1, 22, 23, 3};
  expect_reference_gradient(kMsSsim, s, pictures_of(s));
  expect_reference_gradient(kMsSsim, s, unlike(s));
}

TEST(MsSsimLoss, SameBitsForEveryThreadCount) {
  expect_no_dependence_on_threads(kMsSsim, {3, 50, 41, 3});
}

TEST(MsSsimLoss, AgreesWithPytorchMsssim) {
  for (LossFixture& f : loss_fixtures()) {
    const Shape& s = f.shape;
    EXPECT_EQ(ms_ssim_scales(s[1], s[2]), f.json.at("scales"));
    std::vector<float> gradient(f.y.size()),
        workspace(static_cast<size_t>(ms_ssim_loss_workspace_count(s)));
    float total, report[2];
    ms_ssim_loss(Queue{}, {f.y.data(), s}, {f.target.data(), s, DType::u8},
                 {.dy = {gradient.data(), s}, .total = {&total, {1}}, .report = {report, {2}}},
                 {workspace.data(), {static_cast<int64_t>(workspace.size())}});
    EXPECT_NEAR(1 - report[0], f.json.at("ms_ssim"), 1e-6) << to_string(s);
    f.expect_gradient("ms_ssim", report[1], gradient);
  }
}

TEST(MsSsimLoss, NeedsRoomForTwoScales) {
  EXPECT_EQ(ms_ssim_scales(10, 64), 0);
  EXPECT_EQ(ms_ssim_scales(64, 21), 1);
  EXPECT_EQ(ms_ssim_scales(64, 64), 3);
  EXPECT_EQ(ms_ssim_scales(175, 400), 4);
  EXPECT_EQ(ms_ssim_scales(400, 400), 5);
  for (const Shape& s : {Shape{1, 21, 30, 3}, Shape{1, 30, 8, 3}})
    EXPECT_THROW(ms_ssim_loss(Queue{}, {nullptr, s}, {nullptr, s, DType::u8}, {}, {}), Error);
}

}  // namespace
}  // namespace dae::test
