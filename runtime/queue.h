// A Queue is where an op runs: a device and, on a GPU, one of its streams. Ops take it first.
#pragma once

namespace dae {

enum class Device { cpu, cuda };

inline const char* name_of(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

struct Queue {
  Device device = Device::cpu;
  void* stream = nullptr;  // cudaStream_t; unused on the CPU, where a queue is plain program order
};

}  // namespace dae
