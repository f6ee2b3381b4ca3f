// What a training takes where nothing is said, by hand.
//
// Simulated GPU: not at all (a rule about devices, which runs on none)
#include "train/defaults.h"

#include <gtest/gtest.h>

namespace dae::test {
namespace {

TEST(Defaults, BatchesFillAGpu) {
  for (const int64_t size : {8, 64, 512}) EXPECT_EQ(default_batch(Device::cpu, size), 16);
  EXPECT_EQ(default_batch(Device::cuda, 64), 128);
  EXPECT_EQ(default_batch(Device::cuda, 32), 512);
  EXPECT_EQ(default_batch(Device::cuda, 96), 56);  // 524288 pixels are 56.9 of them
  EXPECT_EQ(default_batch(Device::cuda, 128), 32);
  EXPECT_EQ(default_batch(Device::cuda, 512), 16);
  EXPECT_EQ(default_batch(Device::cuda, 8), 1024);
}

TEST(Defaults, RatesGrowWithTheRootOfTheBatchUpToTwice) {
  for (const int64_t batch : {1, 8, 16}) {
    EXPECT_DOUBLE_EQ(default_learning_rate(batch, false), 2e-3);
    EXPECT_DOUBLE_EQ(default_learning_rate(batch, true), 5e-4);
  }
  EXPECT_DOUBLE_EQ(default_learning_rate(64, false), 4e-3);
  EXPECT_DOUBLE_EQ(default_learning_rate(64, true), 1e-3);
  EXPECT_DOUBLE_EQ(default_learning_rate(36, false), 3e-3);
  EXPECT_DOUBLE_EQ(default_learning_rate(1024, false), 4e-3);
}

}  // namespace
}  // namespace dae::test
