// Copies between devices, in every order in which a device may run its work.
#include "runtime/device.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/activation.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#include "tests/support/on_device.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

class DeviceTest : public OnDevice {};

// The host's memory is overwritten right after the copy, and a stream that does not wait for others
// uses what was copied: from the host, and within the device.
TEST_P(DeviceTest, CopiesHaveArrivedWhenTheCallReturns) {
  const Device device = GetParam();
  constexpr int64_t kCount = 1 << 20;  // more than a driver copies into its command buffer at once
  const size_t bytes = kCount * sizeof(float);
  std::vector<float> expected(kCount);
  std::iota(expected.begin(), expected.end(), 0.0f);
  for (const Variant& variant : variants(device)) {
    SCOPED_TRACE(variant.name);
    variant.apply();
    const Buffer first(device, bytes), second(device, bytes), sum(device, bytes);
    std::vector<float> host = expected;
    copy_between_devices(first.data(), host.data(), bytes);
    host.assign(kCount, -1);
    copy_between_devices(second.data(), first.data(), bytes);
    const auto tensor = [&](const Buffer& buffer) { return Tensor{buffer.data(), {kCount}}; };
    if (device == Device::cuda) {
      const cuda::Stream stream;
      add({device, stream.get()}, tensor(second), tensor(sum));
      stream.synchronize();
    } else {
      add({device}, tensor(second), tensor(sum));
    }
    copy_between_devices(host.data(), sum.data(), bytes);
    EXPECT_EQ(host, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceTest, testing::ValuesIn(tested_devices()),
                         [](const auto& device) { return tested_name(device.param); });

}  // namespace
}  // namespace dae::test
