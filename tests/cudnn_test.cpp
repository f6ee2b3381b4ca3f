// Every convolution of the three networks, forward and both gradients, planned by cuDNN for a GPU
// that is not there (fixtures/h100.json, written by hand from the data sheet until one has been
// serialised on a GPU by cudnn::describe_gpu()).
#include "runtime/cudnn.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "model/training_plan.h"
#include "runtime/error.h"

namespace dae::test {
namespace {

class CudnnTest : public testing::TestWithParam<NetworkKind> {
 protected:
  void SetUp() override {
#ifndef DAE_HAS_CUDA
    GTEST_SKIP() << "built without nvcc";
#else
    if (!dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL)) GTEST_SKIP() << dlerror();
    std::ifstream file(std::string(DAE_FIXTURES) + "/h100.json");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    cudnn::plan_without_gpu(text);
#endif
  }
};

TEST_P(CudnnTest, OffersADeterministicF32EngineForEverything) {
  const NetworkConfig config{.kind = GetParam(),
                             .latent = GetParam() == NetworkKind::conv ? 8192 : 512};
  const Shape image = {16, config.size, config.size, 3};
  Plan plan;
  ParameterSet parameters;
  const size_t before = cudnn::choices().size();
  Builder builder(Device::cuda, plan, parameters, true);
  const TensorId x = plan.external("x", image), target = plan.external("target", image, DType::u8),
                 loss = plan.external("loss", {1});
  add_mse_and_backward(builder, config, build_network(builder, config, x), x, target, loss);
  size_t convolutions = 0;
  for (const Step& step : plan.steps())
    convolutions += step.op.starts_with("conv2d_") || step.op.starts_with("dense_");
  EXPECT_GE(convolutions, 20u);
  EXPECT_EQ(cudnn::choices().size() - before, convolutions);
  for (size_t i = before; i < cudnn::choices().size(); i++) {
    const cudnn::Choice& choice = cudnn::choices()[i];
    EXPECT_GE(choice.candidates, 1) << choice.problem;
    EXPECT_LT(choice.workspace, size_t{1} << 30) << choice.problem;
  }
}

TEST_P(CudnnTest, RefusesWhatItCannotDoByName) {
  using cuda_libraries::Direction;
  try {
    cudnn::plan({Direction::forward, {1, 8, 8, 4}, {4, 3, 3, 5}, {1, 8, 8, 4}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cuDNN"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, CudnnTest,
                         testing::Values(NetworkKind::fc, NetworkKind::conv, NetworkKind::unet),
                         [](const testing::TestParamInfo<NetworkKind>& kind) {
                           return std::string(name_of(kind.param));
                         });

}  // namespace
}  // namespace dae::test
