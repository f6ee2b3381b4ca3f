// A sum of losses at the end of each network, from hashed weights: every term, its gradient by
// the restoration, and the gradient of all weights, against PyTorch in fp64
// (make_loss_fixtures.py).
#include <cmath>

#include "model/objective.h"
#include "runtime/device.h"
#include "runtime/program.h"
#include "tests/support/hashed.h"
#include "tests/support/loss_fixtures.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

constexpr int64_t kBatch = 2, kSize = 24;

class LossSum : public testing::TestWithParam<std::tuple<Device, NetworkKind>> {};

TEST_P(LossSum, MatchesPyTorchInFp64) {
  const auto [device, kind] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const nlohmann::json want = loss_fixture_file().at("networks").at(name_of(kind));
  LossSpec loss;
  loss.terms.clear();
  for (const nlohmann::json& term : want.at("terms"))
    loss.terms.push_back(parse_loss(term.at("name")).terms[0]);
  for (size_t i = 0; i < loss.terms.size(); i++)
    loss.terms[i].weight = want.at("terms")[i].at("weight");
  ASSERT_GE(loss.terms.size(), 4u);

  const NetworkConfig config{.kind = kind,
                             .size = kSize,
                             .width = 16,
                             .blocks = 1,
                             .latent = kind == NetworkKind::fc ? 24 : 36};
  const Shape image = {kBatch, kSize, kSize, 3};
  const Objective objective{config, loss};
  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, true);
  const TensorId x = plan.external("x", image), target = plan.external("target", image, DType::u8),
                 record = plan.external("record", {objective.record_size()});
  objective.add_to(builder, x, target, record);
  Program program(device, std::move(plan));
  program.allocate();
  const LossFixture pictures = make_pictures(image);
  program.write(x, pictures.y.data());
  program.write(target, pictures.target.data());
  program.write(builder.weights(), hashed_weights(parameters).data());
  program.run();

  const std::vector<float> got = program.floats(record),
                           gradients = program.floats(builder.gradients());
  EXPECT_NEAR(got[0], want.at("loss"), 2e-5 * want.at("loss").get<double>());
  for (size_t i = 0; i < loss.terms.size(); i++) {
    const nlohmann::json& term = want.at("terms")[i];
    const double value = term.at("value"), norm = term.at("gradient_norm");
    EXPECT_NEAR(got[1 + 2 * i], value, 5e-5 * value) << term.at("name");
    EXPECT_NEAR(got[2 + 2 * i], norm, 2e-4 * norm) << term.at("name");
  }
  double square = 0;
  for (const Parameter& p : parameters.list())
    for (int64_t e = 0; e < p.shape.count(); e++)
      square += std::pow(double{gradients[p.offset + e]}, 2);
  const double norm = want.at("gradient_norm");
  EXPECT_NEAR(std::sqrt(square), norm, 2e-3 * norm);
}

std::string sum_name(const testing::TestParamInfo<LossSum::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + name_of(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Networks, LossSum,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::Values(NetworkKind::fc, NetworkKind::conv,
                                                          NetworkKind::unet)),
                         sum_name);

}  // namespace
}  // namespace dae::test
