// The ceilings that benchmarks and --profile are held against.
#include "kernels/layers/ceilings.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/device.h"
#include "runtime/error.h"
#include "tests/support/op_case.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

class CeilingsTest : public testing::TestWithParam<Device> {};

TEST_P(CeilingsTest, AreMeasured) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const Ceilings& found = ceilings(GetParam());
  // No machine that this runs on moves less than 100 MB/s or multiplies at less than 10 MFLOP/s.
  EXPECT_GT(found.bytes_per_second, 1e8);
  EXPECT_LT(found.bytes_per_second, 1e14);
  EXPECT_GT(found.f32_flops_per_second, 1e7);
  EXPECT_LT(found.f32_flops_per_second, 1e17);
  EXPECT_EQ(found.bf16_flops_per_second > 0, GetParam() == Device::cuda);
}

#ifdef DAE_SIMULATED_GPU
// Every timed stretch is a microsecond there, so what was counted shows: 16 caches of 16 KiB read
// and as many written, and a product of 128 x 128 matrices.
TEST(Ceilings, CountWhatWasDoneOnTheSimulatedGpu) {
  const Ceilings& found = ceilings(Device::cuda);
  EXPECT_NEAR(found.bytes_per_second / (2 * 16 * 16384 / 1e-6), 1, 1e-6);  // events count in f32
  EXPECT_NEAR(found.f32_flops_per_second / (2 * std::pow(128, 3) / 1e-6), 1, 1e-6);
  EXPECT_EQ(found.f32_flops_per_second, found.bf16_flops_per_second);
}
#else
TEST(Ceilings, WithoutAGpuSayWhy) {
  if (cuda_available()) GTEST_SKIP() << "there is a GPU";
  try {
    ceilings(Device::cuda);
    FAIL() << "measured";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), why_no_cuda());
  }
}
#endif

TEST(Ceilings, RooflineIsTheSlowerOfBytesAndOperations) {
  const Ceilings machine{
      .bytes_per_second = 10, .f32_flops_per_second = 100, .bf16_flops_per_second = 1000};
  EXPECT_EQ(roofline_seconds(machine, 30, 100), 3);
  EXPECT_EQ(roofline_seconds(machine, 30, 500), 5);
  EXPECT_EQ(roofline_seconds(machine, 30, 500, DType::bf16), 3);
  EXPECT_EQ(roofline_seconds(machine, 30, 5000, DType::bf16), 5);
}

INSTANTIATE_TEST_SUITE_P(Devices, CeilingsTest, testing::ValuesIn(tested_devices()), device_name);

}  // namespace
}  // namespace dae::test
