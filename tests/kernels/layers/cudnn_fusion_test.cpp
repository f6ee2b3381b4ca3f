// The fused graphs of kernels/layers/cuda_libraries.h as cuDNN compiles them at run time: offered,
// deterministic, and compiled up to the loading of their kernels, for which there has to be a GPU.
// The engines that compile want a libcuda.so.1; without a driver the build lends the toolkit's stub
// (CMakeLists.txt), which answers every call with CUDA_ERROR_STUB_LIBRARY, 34.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "kernels/layers/cudnn.h"
#include "kernels/layers/engines.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "tests/support/described_gpu.h"

namespace dae::test {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

struct Case {
  const char* name;
  Convolution problem;
};

constexpr auto kData = Direction::backward_data, kForward = Direction::forward;

// Between maps of the unet's first level at a batch of 256.
Convolution square() {
  const Shape map = {256, 64, 64, 32};
  return {.direction = kData, .x = map, .w = {32, 3, 3, 32}, .y = map, .dtype = DType::bf16};
}

// Between 64x64 pixels of 32 channels and 32x32 of 64.
Convolution halving(Direction direction, int kernel) {
  return {.direction = direction,
          .x = {256, 64, 64, 32},
          .w = {64, kernel, kernel, 32},
          .y = {256, 32, 32, 64},
          .stride = 2,
          .pad = (kernel - 1) / 2,
          .dtype = DType::bf16};
}

std::vector<Case> cases() {
  const auto with = [](Convolution p, const std::vector<bool Convolution::*>& what) {
    for (bool Convolution::*const field : what) p.*field = true;
    return p;
  };
  using C = Convolution;
  return {
      {"gate_sums_32", with(square(), {&C::gate, &C::sums})},
      {"add_sums_32", with(square(), {&C::addend, &C::sums})},
      {"down_add_sums", with(halving(kData, 2), {&C::addend, &C::sums})},
      {"halving_gate_sums", with(halving(kData, 3), {&C::gate, &C::sums})},
      {"up_add_bias_relu", with(halving(kData, 4), {&C::addend, &C::bias, &C::relu})},
      {"back_up_sums", with(halving(kForward, 2), {&C::sums})},
      {"back_up_gate_sums", with(halving(kForward, 4), {&C::gate, &C::sums})},
  };
}

class CudnnFusionTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
#ifndef DAE_HAS_CUDA
    GTEST_SKIP() << "built without nvcc";
#else
    if (!dlopen("libcuda.so.1", RTLD_NOW))
      GTEST_SKIP() << "neither a driver nor the toolkit's stub of it: " << dlerror();
    try {
      cudnn::version();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
#endif
  }
};

// Chosen for the GPU at hand; without one nothing can be timed, and the first that compiles is.
std::shared_ptr<Routine> plan_somewhere(const Convolution& problem) {
  if (cuda_available()) return cuda_libraries::plan(problem);
  return cuda_libraries::choose("cuDNN " + describe(problem),
                                cudnn::candidates(problem, described_gpu()), {})();
}

TEST_P(CudnnFusionTest, IsOfferedAndCompiles) {
  try {
    plan_somewhere(GetParam().problem);
    EXPECT_TRUE(cuda_available()) << "no GPU, and yet its kernels were loaded";
  } catch (const cuda_libraries::NoEngine& error) {
    if (cuda_available()) FAIL() << error.what();
    const std::string why = error.what();
    EXPECT_NE(why.find("2 of which were tried"), std::string::npos) << why;
    EXPECT_NE(why.find("cuLibraryLoadData returned error  (34)"), std::string::npos) << why;
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, CudnnFusionTest, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace dae::test
