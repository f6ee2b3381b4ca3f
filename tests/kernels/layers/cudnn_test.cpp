// Every convolution of the three networks, forward and both gradients, planned by cuDNN for a GPU
// that is not there: fixtures/h100.json, written by hand from the data sheet until one has been
// serialised on a GPU (profiling/describe_gpu.cpp), or the file that DAE_GPU_DESCRIPTION names.
// Layers get their plans through the seam of kernels/layers/cuda_libraries.h, behind which stands,
// in this program, the end of this file.
//
// Simulated GPU: not at all (cuDNN itself plans here)
#include "kernels/layers/cudnn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "kernels/layers/cublaslt.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/unfused.h"
#include "model/objective.h"
#include "runtime/error.h"
#include "tests/support/described_gpu.h"

namespace dae::test {
namespace {

class CudnnTest : public testing::TestWithParam<std::tuple<NetworkKind, DType>> {
 protected:
  void SetUp() override {
#ifndef DAE_HAS_CUDA
    GTEST_SKIP() << "built without nvcc";
#else
    try {
      cudnn::version();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
#endif
  }
};

// That there is one is the whole test: planning throws where cuDNN offers none. Three channels of
// input or output need no padding: cuDNN has engines for them, bf16 and f32, and pads where it must
// in its workspace.
TEST_P(CudnnTest, OffersADeterministicEngineForEveryConvolution) {
  const auto [kind, dtype] = GetParam();
  const NetworkConfig config{
      .kind = kind, .latent = kind == NetworkKind::conv ? 8192 : 512, .dtype = dtype};
  const Shape image = {16, config.size, config.size, 3};
  Plan plan;
  ParameterSet parameters;
  Builder builder(Device::cuda, plan, parameters, true, dtype);
  const TensorId x = plan.external("x", image), target = plan.external("target", image, DType::u8),
                 loss = plan.external("loss", {1});
  Objective{config}.add_to(builder, x, target, loss);
  int additions = 0, in_this_type = 0;
  for (const cuda_libraries::Choice& choice : cuda_libraries::choices()) {
    EXPECT_GE(choice.candidates, 1) << choice.problem;
    EXPECT_LE(choice.workspace, size_t{512} << 20) << choice.problem;
    // model/upconv_form.h and model/residual_form.h record theirs beside the libraries' engines.
    const bool form = choice.problem.starts_with("upsample") ||
                      choice.problem.starts_with("residual block") ||
                      choice.engine == unfused::kEngine;
    EXPECT_EQ(choice.engine.find("engine ") == std::string::npos, form) << choice.engine;
    if (choice.problem.find(std::string(" of ") + name_of(dtype)) == std::string::npos) continue;
    in_this_type++;
    additions += choice.problem.find("addend") != std::string::npos;
  }
  EXPECT_GE(in_this_type, 15);
  // A residual block's addition is fused into its second convolution, at each of four widths.
  EXPECT_GE(additions, kind == NetworkKind::unet ? 4 : 0);
}

// The other forms of upsampling and convolving (model/upconv_form.h), which are chosen by time.
TEST_P(CudnnTest, OffersTheConvolutionsOfEveryFormOfUpsampling) {
  using cuda_libraries::Direction;
  for (const auto& [side, channels, filters] :
       {std::tuple<int64_t, int64_t, int64_t>{8, 128, 128}, {16, 128, 64}, {32, 64, 32}})
    for (const Direction direction :
         {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
      const cuda_libraries::Convolution phases{.direction = direction,
                                               .x = {16, side, side, channels},
                                               .w = {4 * filters, 2, 2, channels},
                                               .y = {16, side + 1, side + 1, 4 * filters},
                                               .dtype = std::get<1>(GetParam())};
      EXPECT_NO_THROW(cuda_libraries::plan(phases));
      cuda_libraries::Convolution upsampled = phases;
      upsampled.x = {16, 2 * side, 2 * side, channels};
      upsampled.w = {filters, 3, 3, channels};
      upsampled.y = {16, 2 * side, 2 * side, filters};
      upsampled.bias = upsampled.relu = direction == Direction::forward;
      EXPECT_NO_THROW(cuda_libraries::plan(upsampled));
    }
}

TEST_P(CudnnTest, RefusesWhatItCannotDoByName) {
  using cuda_libraries::Direction;
  try {
    cuda_libraries::plan(cuda_libraries::Convolution{.direction = Direction::forward,
                                                     .x = {1, 8, 8, 4},
                                                     .w = {4, 3, 3, 5},
                                                     .y = {1, 8, 8, 4},
                                                     .dtype = std::get<1>(GetParam())});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cuDNN"), std::string::npos) << error.what();
  }
}

// Two convolutions with their gradients, all engines that cuDNN offers for them: those that compile nothing, since without a GPU
// no others can be built.
class CudnnPlans : public CudnnTest {
 protected:
  void TearDown() override { cudnn::keep_plans({}); }
  // Builds each and returns the bytes of their workspaces; of those that cannot be built, -1.
  std::vector<int64_t> build_all() const {
    using cuda_libraries::Direction;
    std::vector<int64_t> found;
    for (const Shape& map : {Shape{16, 16, 16, 32}, Shape{16, 24, 16, 32}})
      for (const Direction direction :
           {Direction::forward, Direction::backward_data, Direction::backward_weights})
        for (const cuda_libraries::Candidate& candidate : cudnn::candidates({.direction = direction,
                                                          .x = map,
                                                          .w = {32, 3, 3, 32},
                                                          .y = map,
                                                          .dtype = std::get<1>(GetParam())},
                                                                            described_gpu()))
          try {
            found.push_back(static_cast<int64_t>(candidate.build()()->workspace_bytes()));
          } catch (const Error&) {
            found.push_back(-1);
          }
    return found;
  }
  std::map<std::string, std::string> kept_;
  cudnn::PlanStore store(double long_seconds) {
    return {
        .find = [&](const std::string& engine) -> std::optional<std::string> {
          const auto at = kept_.find(engine);
          if (at == kept_.end()) return {};
          return at->second;
        },
        .keep = [&](const std::string& engine,
                    const std::string& plan) { EXPECT_TRUE(kept_.emplace(engine, plan).second); },
        .long_seconds = long_seconds};
  }
};

TEST_P(CudnnPlans, AreKeptOnceAndReadAgain) {
  const std::vector<int64_t> built = build_all();
  EXPECT_GE(std::ranges::count_if(built, [](int64_t bytes) { return bytes >= 0; }), 12);
  cudnn::keep_plans(store(0));
  EXPECT_EQ(build_all(), built);
  EXPECT_EQ(static_cast<std::ptrdiff_t>(kept_.size()),
            std::ranges::count_if(built, [](int64_t bytes) { return bytes >= 0; }));
  EXPECT_EQ(build_all(), built) << "of what was kept; keeping one again fails";
}

TEST_P(CudnnPlans, ThatCudnnDoesNotTakeAreBuiltAnew) {
  const std::vector<int64_t> built = build_all();
  int asked = 0;
  cudnn::PlanStore broken = store(0);
  broken.find = [&](const std::string&) {
    asked++;
    return "no plan";
  };
  cudnn::keep_plans(broken);
  EXPECT_EQ(build_all(), built);
  EXPECT_EQ(asked, static_cast<int>(built.size()));
}

TEST_P(CudnnPlans, ThatTakeNoTimeAreNotKept) {
  cudnn::keep_plans(store(60));
  build_all();
  EXPECT_EQ(kept_.size(), 0u);
}

std::string cudnn_name(const testing::TestParamInfo<CudnnTest::ParamType>& info) {
  return std::string(name_of(std::get<0>(info.param))) + "_" + name_of(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Networks, CudnnTest,
                         testing::Combine(testing::Values(NetworkKind::fc, NetworkKind::conv,
                                                          NetworkKind::unet),
                                          testing::Values(DType::f32, DType::bf16)),
                         cudnn_name);
INSTANTIATE_TEST_SUITE_P(Types, CudnnPlans,
                         testing::Combine(testing::Values(NetworkKind::unet),
                                          testing::Values(DType::f32, DType::bf16)),
                         cudnn_name);

}  // namespace
}  // namespace dae::test

// In the place of kernels/layers/cuda_libraries.cpp, which plans for the GPU at hand.
namespace dae::cuda_libraries {

void open() {}

std::shared_ptr<Routine> plan(const Convolution& problem) {
  static const std::string gpu = test::described_gpu();
  static std::map<std::string, MakeRoutine> chosen;
  const std::string name = "cuDNN " + describe(problem);
  MakeRoutine& make = chosen[name];
  if (!make) {
    std::vector<Candidate> candidates = unfused::candidates(problem);
    for (Candidate& candidate : cudnn::candidates(problem, gpu))
      candidates.push_back(std::move(candidate));
    make = choose(name, candidates, {});
  }
  return make();
}

std::shared_ptr<Routine> plan(const Dense& problem) {
  return cublaslt::plan(problem);
}

}  // namespace dae::cuda_libraries
