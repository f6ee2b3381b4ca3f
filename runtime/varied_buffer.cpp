#include "runtime/varied_buffer.h"

#include <algorithm>
#include <vector>

#include "runtime/device.h"

namespace dae {
namespace {

constexpr size_t kDistinct = size_t{1} << 20;

}  // namespace

Buffer varied_buffer(Device device, int64_t count, DType dtype) {
  std::vector<float> values(std::min(static_cast<size_t>(count), kDistinct));
  for (size_t i = 0; i < values.size(); i++)
    values[i] = static_cast<float>(static_cast<int32_t>(i * 2654435761u)) * 0x1p-31f;
  Buffer buffer(device, static_cast<size_t>(count) * size_of(dtype));
  size_t filled = values.size() * size_of(dtype);
  if (dtype == DType::f32) {
    copy_between_devices(buffer.data(), values.data(), filled);
  } else {
    std::vector<BFloat16> rounded(values.size());
    std::transform(values.begin(), values.end(), rounded.begin(), to_bf16);
    copy_between_devices(buffer.data(), rounded.data(), filled);
  }
  // Within the device, which is faster than the host by far: each copy doubles what is there.
  for (; filled < buffer.bytes(); filled *= 2)
    copy_between_devices(buffer.data() + filled, buffer.data(),
                         std::min(filled, buffer.bytes() - filled));
  return buffer;
}

}  // namespace dae
