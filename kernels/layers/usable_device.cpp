#include <dae/device.h>

#include "kernels/layers/cuda_libraries.h"
#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {

std::string why_no_networks_on_cuda() {
  if (!cuda_available()) return why_no_cuda();
  try {
    cuda_libraries::open();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

Device best_device() {
  return why_no_networks_on_cuda().empty() ? Device::cuda : Device::cpu;
}

}  // namespace dae
