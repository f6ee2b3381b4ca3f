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
  int64_t channels;
  bool addend, gate, sums, up;
};

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
  const Case& c = GetParam();
  const int64_t side = 2048 / c.channels;
  Convolution p{.direction = Direction::backward_data,
                .x = {256, side, side, c.channels},
                .w = {c.channels, 3, 3, c.channels},
                .y = {256, side, side, c.channels},
                .addend = c.addend,
                .gate = c.gate,
                .sums = c.sums,
                .dtype = DType::bf16};
  if (c.up) {
    p.w = {2 * c.channels, 4, 4, c.channels};
    p.y = {256, side / 2, side / 2, 2 * c.channels};
    p.stride = 2;
    p.bias = p.relu = true;
  }
  try {
    plan_somewhere(p);
    EXPECT_TRUE(cuda_available()) << "no GPU, and yet its kernels were loaded";
  } catch (const cuda_libraries::NoEngine& error) {
    if (cuda_available()) FAIL() << error.what();
    const std::string why = error.what();
    EXPECT_NE(why.find("2 of which were tried"), std::string::npos) << why;
    EXPECT_NE(why.find("cuLibraryLoadData returned error  (34)"), std::string::npos) << why;
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, CudnnFusionTest,
                         testing::Values(Case{"add_32", 32, true, false, false, false},
                                         Case{"gate_sums_32", 32, false, true, true, false},
                                         Case{"add_gate_sums_32", 32, true, true, true, false},
                                         Case{"add_gate_sums_256", 256, true, true, true, false},
                                         Case{"up_add_bias_relu_32", 32, true, false, false, true}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace dae::test
