// Tests whose parameter is a device.
#pragma once

#include <gtest/gtest.h>

#include "runtime/device.h"

namespace dae::test {

// Skipped on a GPU where there is none.
class OnDevice : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  }
};

}  // namespace dae::test
