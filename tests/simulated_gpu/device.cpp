// The device and its driver, as the runtime describes them, and what has been made on it.
#include <fmt/format.h>

#include "tests/simulated_gpu/work.h"

namespace simulated {

void set_devices(int count) {
  state().device_count = count;
  this_host_thread().device = 0;
}
int current_device() {
  return this_host_thread().device;
}
void count_resource() {
  state().resources++;
}
uint64_t resources_made() {
  return state().resources;
}

}  // namespace simulated

using namespace simulated;

namespace {

bool is_device(int device) {
  return device >= 0 && device < state().device_count;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  const Turn turn;
  *count = state().device_count;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  const Turn turn;
  *device = current_device();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  const Turn turn;
  if (!is_device(device)) return set_error(cudaErrorInvalidDevice);
  this_host_thread().device = device;
  return failure();
}
cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  const Turn turn;
  if (!is_device(device) || length < 13) return set_error(cudaErrorInvalidValue);
  fmt::format_to_n(id, length, "0000:{:02x}:00.0{}", device + 1, '\0');
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const Turn turn;
  if (!is_device(device)) return set_error(cudaErrorInvalidValue);
  *properties = {"simulated GPU", 16 << 10};
  return cudaSuccess;
}
// A driver may be younger than the runtime, and here is.
cudaError_t cudaDriverGetVersion(int* version) {
  const Turn turn;
  *version = 13010;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  const Turn turn;
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  const Turn turn;
  if (broken()) return failure();
  if (capturing()) {
    this_host_thread().capture->broken = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  // Not in the order of creation: nothing may depend on it. Another thread may make streams meanwhile.
  const std::vector<CUstream_st*> streams = state().streams;
  for (size_t i = streams.size(); i-- > 0;)
    if (std::count(state().streams.begin(), state().streams.end(), streams[i]) > 0 &&
        streams[i]->device == current_device())
      wait_for(*streams[i]);
  return failure();
}
