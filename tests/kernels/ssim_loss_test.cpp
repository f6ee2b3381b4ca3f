#include "kernels/ssim_loss.h"

#include "quality/ssim.h"
#include "runtime/error.h"
#include "tests/support/loss_case.h"
#include "tests/support/loss_fixtures.h"
#include "tests/support/quality_pairs.h"
#include "tests/support/reference_ssim.h"

namespace dae::test {
namespace {

ReferenceTerm ssim_reference(const Shape& s, const Values& y, const Values& target) {
  ReferenceTerm term{.gradient = Values(y.size())};
  const double planes = double(s[0] * 3);
  for (int64_t n = 0; n < s[0]; n++)
    for (int64_t c = 0; c < 3; c++) {
      Values gradient;
      term.value += (1 - mean_similarity(plane_of(s, y, target, n, c), true, gradient)) / planes;
      for (size_t i = 0; i < gradient.size(); i++)
        term.gradient[(n * gradient.size() + i) * 3 + c] = -gradient[i] / planes;
    }
  return term;
}

const LossOp kSsim{"ssim",
                   ssim_loss,
                   ssim_loss_workspace_count,
                   ssim_reference,
                   {2e-5, 2e-5, "variances in f32, divided by as little as C2 = 9e-4"}};

std::vector<OpCase> cases() {
  // The last leaves more partial sums than finish_term() has threads: it ends every term of a sum.
  std::vector<OpCase> list = loss_cases(kSsim, {{2, 13, 30, 3},
                                                {1, 27, 12, 3},
                                                {1, 11, 11, 3},
                                                {1, 43, 26, 3},
                                                {2, 64, 64, 3},
                                                {300, 11, 11, 3}});
  // Flat and bright: where f32 has the fewest bits for a variance. Beyond the range, too.
  Pictures p = pictures_of({1, 17, 17, 3});
  for (size_t i = 0; i < p.y.size(); i++) {
    p.target[i] = 250;
    p.y[i] = 0.98 + 0.002 * std::sin(double(i));
  }
  list.push_back(loss_case(kSsim, {.shape = {1, 17, 17, 3}, .pictures = p, .name = "bright"}));
  for (double& y : p.y) y *= 1.3;
  list.push_back(loss_case(kSsim, {.shape = {1, 17, 17, 3}, .pictures = p, .name = "beyond"}));
  return list;
}

DAE_OP_TEST(SsimLoss, cases());

TEST(SsimLossReference, GradientMatchesFiniteDifferences) {
  expect_reference_gradient(kSsim, {1, 12, 13, 3}, pictures_of({1, 12, 13, 3}));
}

struct Outcome {
  float value, norm;
  std::vector<float> gradient;
};
Outcome run_on(const Shape& s, std::vector<float> y, std::vector<uint8_t> target) {
  Outcome out{0, 0, std::vector<float>(y.size())};
  float total, report[2];
  std::vector<float> workspace(static_cast<size_t>(ssim_loss_workspace_count(s)));
  ssim_loss(Queue{}, {y.data(), s}, {target.data(), s, DType::u8},
            {.dy = {out.gradient.data(), s}, .total = {&total, {1}}, .report = {report, {2}}},
            {workspace.data(), {static_cast<int64_t>(workspace.size())}});
  out.value = report[0];
  out.norm = report[1];
  return out;
}

TEST(SsimLoss, SameBitsForEveryThreadCount) {
  expect_no_dependence_on_threads(kSsim, {3, 50, 41, 3});
}

TEST(SsimLoss, AgreesWithScikitImage) {
  int compared = 0;
  for (const auto& pair : quality_fixture("pairs")) {
    const int64_t height = pair.at("height"), width = pair.at("width");
    if (height < 11 || width < 11) continue;
    std::vector<float> y;
    std::vector<uint8_t> target;
    for (const int code : pair.at("other")) y.push_back(static_cast<float>(code) / 255.0f);
    for (const int code : pair.at("clean")) target.push_back(static_cast<uint8_t>(code));
    const double want = pair.at("ssim_unclamped");
    EXPECT_NEAR(1 - run_on({1, height, width, 3}, y, target).value, want, 1e-6) << pair.at("name");
    compared++;
  }
  EXPECT_GE(compared, 6);
  for (const LossFixture& f : loss_fixtures())
    EXPECT_NEAR(1 - run_on(f.shape, f.y, f.target).value, f.json.at("ssim"), 1e-6)
        << to_string(f.shape);
}

// The gradient that PyTorch finds through pytorch-msssim's SSIM.
TEST(SsimLoss, GradientAgreesWithPyTorch) {
  for (const LossFixture& f : loss_fixtures()) {
    const Outcome out = run_on(f.shape, f.y, f.target);
    f.expect_gradient("ssim", out.norm, out.gradient);
  }
}

TEST(SsimLoss, EqualPicturesGiveExactlyNothing) {
  const Shape s{1, 20, 21, 3};
  std::vector<float> y;
  std::vector<uint8_t> target;
  for (const double code : random_values(s.count(), 5, 0, 255)) {
    target.push_back(static_cast<uint8_t>(code));
    y.push_back(static_cast<float>(target.back()) / 255.0f);
  }
  const Outcome out = run_on(s, y, target);
  EXPECT_EQ(out.value, 0);
  EXPECT_EQ(out.norm, 0);
}

TEST(SsimLoss, NeedsElevenPixelsASide) {
  for (const Shape& s : {Shape{1, 10, 30, 3}, Shape{1, 30, 10, 3}})
    EXPECT_THROW(ssim_loss(Queue{}, {nullptr, s}, {nullptr, s, DType::u8}, {}, {}), Error);
}

}  // namespace
}  // namespace dae::test
