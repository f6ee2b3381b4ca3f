// A Queue is where an op runs: a device and, on a GPU, one of its streams. Ops take it first.
#pragma once

#include <dae/device.h>

namespace dae {

struct Queue {
  Device device = Device::cpu;
  void* stream = nullptr;  // cudaStream_t; unused on the CPU, where a queue is plain program order
};

}  // namespace dae
