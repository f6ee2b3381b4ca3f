// Which devices this machine has, and the few whole-device calls that are not tied to a queue.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/queue.h"

namespace dae {

bool cuda_available();

// Why cuda_available() is false, in words for a person: no CUDA part in this build, no driver, no
// GPU. Empty when it is true.
std::string why_no_cuda();

// What benchmarks must know of the GPU. Throws Error when there is none.
struct GpuProperties {
  std::string name;
  size_t l2_bytes = 0;
};
GpuProperties gpu_properties();

void copy_between_devices(void* to, const void* from, size_t bytes);  // blocking, any direction
void synchronize_device();

}  // namespace dae
