// The benchmarks, each run once on the smallest networks: what they register, that every one runs,
// and that the bytes and operations they report are those of the op. Their times mean nothing here.
#include "profiling/bench.h"

#include <gtest/gtest.h>

#include <map>

#include "kernels/layers/ceilings.h"
#include "runtime/device.h"
#include "tests/support/op_case.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      EXPECT_FALSE(run.error_occurred) << run.benchmark_name() << ": " << run.error_message;
      found[run.run_name.function_name] = run;
    }
  }
  std::map<std::string, Run> found;
};

std::map<std::string, benchmark::BenchmarkReporter::Run> run_once(const BenchOptions& options) {
  benchmark::ClearRegisteredBenchmarks();
  register_corrupt_benchmarks(options);
  register_kernel_benchmarks(options);
  register_plan_benchmarks(options);
  register_fusion_benchmarks(options);
  register_mma_benchmarks(options);
  register_restore_benchmarks(options);
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector, ".");
  benchmark::ClearRegisteredBenchmarks();  // and their networks
  return collector.found;
}

class BenchTest : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  }
};

TEST_P(BenchTest, RunsEverythingAndCountsBytesAndOperations) {
  const auto found = run_once({.device = GetParam(),
                               .models = {NetworkKind::conv},
                               .batch = 2,
                               .size = 8,
                               .once = true,
                               .tiny = true});
  const auto seconds = [&](const std::string& name) {
    const auto& run = found.at(name);
    return run.real_accumulated_time / static_cast<double>(run.iterations);
  };
  // Rates times seconds are what an iteration counted.
  const auto counted = [&](const std::string& name, const char* counter) {
    return static_cast<double>(found.at(name).counters.at(counter)) * 1e9 * seconds(name);
  };
  ASSERT_TRUE(found.contains("corrupt/8x8x2"));
  EXPECT_NEAR(counted("corrupt/8x8x2", "GB/s"), 2 * 8 * 8 * 3 * (1 + 1 + 4), 1e-3);
  EXPECT_NEAR(counted("corrupt/8x8x2", "Mpixel/s"), 1e3 * 2 * 8 * 8, 1e-3);
  EXPECT_NEAR(counted("restore/40x48", "Mpixel/s"), 1e3 * 40 * 48, 1e-2);
  // A quarter is read, the whole written.
  EXPECT_NEAR(counted("kernel/upsample2x/f32 1x8x8x32", "GB/s"), 5 * 8 * 8 * 32 * 4, 1e-2);
  // Clean and restored picture are read, the gradient and three numbers written.
  EXPECT_NEAR(counted("kernel/l1_loss/f32 10x8x8x3", "GB/s"), 10 * 8 * 8 * 3 * (1 + 4 + 4) + 12,
              1e-2);
  EXPECT_TRUE(found.contains("kernel/ms_ssim_loss/f32 10x32x32x3"));
  EXPECT_NEAR(counted("kernel/unit_picture/u8 10x8x8x3", "GB/s"), 10 * 8 * 8 * 3 * (1 + 4), 1e-2);
  // The first layer: 3 to 32 channels on 2 images of 8x8 pixels, weights and biases read.
  std::string first;
  for (const auto& [name, run] : found)
    if (name.starts_with("conv/conv2d_forward/f32 2x8x8x3/f32 2x8x8x32")) first = name;
  ASSERT_NE(first, "");
  EXPECT_NEAR(counted(first, "GFLOP/s"), 2.0 * 2 * 8 * 8 * 32 * 9 * 3, 1);
  EXPECT_NEAR(counted(first, "GB/s"), 4.0 * (2 * 64 * 3 + 32 * 9 * 3 + 32 + 2 * 64 * 32), 1e-2);
  const double share = found.at(first).counters.at("roofline");
  EXPECT_NEAR(
      share * seconds(first),
      roofline_seconds(ceilings(GetParam()), counted(first, "GB/s"), counted(first, "GFLOP/s")),
      1e-9);
  const auto& step = found.at("conv/train_step");
  EXPECT_GT(static_cast<double>(step.counters.at("images/s")), 0);
  EXPECT_EQ(step.counters.contains("host_gap"), GetParam() == Device::cuda);
  const auto waiting = static_cast<double>(step.counters.at("waiting"));
  EXPECT_TRUE(waiting >= 0 && waiting <= 1) << waiting;
}

TEST_P(BenchTest, CountsHalfTheBytesInBf16) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "the CPU computes in fp32";
  const auto found = run_once({.device = GetParam(),
                               .models = {NetworkKind::conv},
                               .batch = 2,
                               .size = 8,
                               .dtype = DType::bf16,
                               .once = true,
                               .tiny = true});
  const auto& add = found.at("kernel/add/bf16 1x8x8x32");
  EXPECT_NEAR(static_cast<double>(add.counters.at("GB/s")) * 1e9 * add.real_accumulated_time,
              3 * 8 * 8 * 32 * 2, 1e-2);
  EXPECT_TRUE(found.contains("conv/train_step"));
  // Gradients, the addend and the weights, each once, whether fused or not.
  for (const char* form : {"fused", "unfused"}) {
    const auto& fusion = found.at(std::string("fusion/dgrad+add/bf16 2x8x8x32/") + form);
    EXPECT_NEAR(
        static_cast<double>(fusion.counters.at("GB/s")) * 1e9 * fusion.real_accumulated_time,
        (3 * 2 * 8 * 8 * 32 + 32 * 9 * 32) * 2, 1e-2);
    EXPECT_NEAR(
        static_cast<double>(fusion.counters.at("GFLOP/s")) * 1e9 * fusion.real_accumulated_time,
        2.0 * 2 * 8 * 8 * 32 * 9 * 32, 1);
  }
  // The input, the map between and the result, and two sets of filters.
  for (const char* side : {"ours", "cudnn"}) {
    const auto& block = found.at(std::string("mma/residual_block/2x8x8x32/") + side);
    EXPECT_NEAR(static_cast<double>(block.counters.at("GB/s")) * 1e9 * block.real_accumulated_time,
                (3 * 2 * 8 * 8 * 32 + 2 * 32 * 9 * 32) * 2, 1e-2);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, BenchTest, testing::ValuesIn(tested_devices()), device_name);

}  // namespace
}  // namespace dae::test
