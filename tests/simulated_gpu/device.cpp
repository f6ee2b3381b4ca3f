// The device and its driver, as the runtime describes them, and what has been made on it.
#include "tests/simulated_gpu/work.h"

namespace simulated {

void count_resource() {
  state().resources++;
}
uint64_t resources_made() {
  return state().resources;
}

}  // namespace simulated

using namespace simulated;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return set_error(cudaErrorInvalidValue);
  *properties = {"simulated GPU", 16 << 10};
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  if (broken()) return failure();
  if (capturing()) {
    state().capture->broken = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  run_all();
  for (CUstream_st* const stream : state().streams) wait_for(*stream);
  return failure();
}
