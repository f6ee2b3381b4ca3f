// A batch in shards on a GPU, where two steps make one plan and one graph.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/device.h"
#include "tests/support/op_case.h"
#include "tests/support/sharded_run.h"

namespace dae::test {
namespace {

struct Outcome {
  Checkpoint checkpoint;
  double loss;
  std::vector<TermMean> terms;
};

class ShardsTest : public testing::TestWithParam<std::tuple<Device, DType>> {};

TEST_P(ShardsTest, AGpuTrainsByThemLikeTheCpu) {
  const auto [own_device, dtype] = GetParam();
  if (own_device == Device::cpu) GTEST_SKIP() << "it is what a GPU is compared with";
  if (!cuda_available()) GTEST_SKIP() << why_no_cuda();
  const Pictures pictures;
  TrainerConfig config = sharded_config("mse+0.1*ssim", 3, 6);
  const auto train_on = [&, dtype = dtype](Device device, int at_most) {
    config.device = device;
    config.network.dtype = device == Device::cuda ? dtype : DType::f32;
    const auto trainer = make_trainer(config, pictures.sources);
    for (int done = 0; done < 5;) done += trainer->run(std::min(at_most, 5 - done));
    const double loss = trainer->take_mean_loss();
    return Outcome{trainer->checkpoint(), loss, trainer->mean_terms()};
  };
  const Outcome want = train_on(Device::cpu, 1), pairs = train_on(Device::cuda, 2),
                singles = train_on(Device::cuda, 1);
  EXPECT_EQ(pairs.checkpoint.weights, singles.checkpoint.weights);
  EXPECT_EQ(pairs.loss, singles.loss);
  const double tolerance = dtype == DType::f32 ? 2e-5 : 0.02;
  EXPECT_NEAR(pairs.loss, want.loss, tolerance * want.loss);
  for (size_t i = 0; i < want.terms.size(); i++)
    EXPECT_NEAR(pairs.terms[i].gradient_norm, want.terms[i].gradient_norm,
                10 * tolerance * want.terms[i].gradient_norm);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < want.checkpoint.weights.size(); i++) {
    difference += std::pow(double{pairs.checkpoint.weights[i]} - want.checkpoint.weights[i], 2);
    norm += std::pow(double{want.checkpoint.weights[i]}, 2);
  }
  EXPECT_LT(std::sqrt(difference / norm), dtype == DType::f32 ? 2e-3 : 2e-2);
}

INSTANTIATE_TEST_SUITE_P(Devices, ShardsTest,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::Values(DType::f32, DType::bf16)),
                         [](const auto& test) {
                           return tested_name(std::get<0>(test.param)) + "_" +
                                  name_of(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace dae::test
