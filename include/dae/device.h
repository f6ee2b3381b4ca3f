// Where something is computed.
#pragma once

#include <string>

namespace dae {

enum class Device { cpu, cuda };

inline const char* name_of(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

// Whether networks can be computed on a GPU here, and if not, why: no CUDA part in this build, no
// driver, no GPU, no cuDNN or cuBLAS. Empty when they can.
std::string why_no_networks_on_cuda();

// The GPU where networks can be computed on it, else the CPU.
Device best_device();

}  // namespace dae
