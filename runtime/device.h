// Which devices this machine has, and the few whole-device calls that are not tied to a queue.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/error.h"
#include "runtime/queue.h"

namespace dae {

// The GPU failed in a way that nothing in this process can mend (an illegal address, an
// uncorrectable memory error): every later call fails as well, and nothing on it can be read.
class DeviceLost : public Error {
 public:
  using Error::Error;
};

bool cuda_available();

// Why cuda_available() is false, in words for a person: no CUDA part in this build, no driver, no
// GPU. Empty when it is true.
std::string why_no_cuda();

// Of several GPUs the calling thread has a current one, the first until it takes another: what it allocates and
// enqueues is there. "0000:3b:00.0" on the bus is one of a machine's, whatever number a process has for it. These
// throw Error where there is no such GPU.
int count_gpus();
void use_gpu(int number);
std::string current_gpu_on_bus();

// The current GPU and what runs it. Throws Error when there is none.
struct GpuDescription {
  std::string name;             // "NVIDIA H100 80GB HBM3"
  int driver = 0, runtime = 0;  // CUDA versions: 13000 is 13.0
  size_t l2_bytes = 0;
};
GpuDescription describe_gpu();

// Host to device, device to host, or within either. When it returns the bytes have arrived: work on
// any stream may use them.
void copy_between_devices(void* to, const void* from, size_t bytes);
void synchronize_device();

// After a call that failed and need not succeed: later calls no longer see its error. Throws
// DeviceLost when it is one that the GPU does not get over.
void forget_device_error();

}  // namespace dae
