#include "runtime/device.h"

#include <array>
#include <cstring>

#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#endif

namespace dae {

#ifdef DAE_HAS_CUDA

std::string why_no_cuda() {
  int count = 0;  // cudaGetDeviceCount leaves it unwritten when there is no driver
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) return std::string("no usable GPU: ") + cudaGetErrorString(status);
  return count > 0 ? "" : "no GPU in this machine";
}

int count_gpus() {
  int count = 0;
  DAE_CUDA_CHECK(cudaGetDeviceCount(&count));
  return count;
}

void use_gpu(int number) {
  DAE_CUDA_CHECK(cudaSetDevice(number));
}

std::string current_gpu_on_bus() {
  int current = 0;
  DAE_CUDA_CHECK(cudaGetDevice(&current));
  std::array<char, 32> id{};
  DAE_CUDA_CHECK(cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), current));
  return id.data();
}

GpuDescription describe_gpu() {
  if (!cuda_available()) fail("{}", why_no_cuda());
  GpuDescription gpu;
  int current = 0;
  DAE_CUDA_CHECK(cudaGetDevice(&current));
  cudaDeviceProp properties;
  DAE_CUDA_CHECK(cudaGetDeviceProperties(&properties, current));
  gpu.name = properties.name;
  gpu.l2_bytes = static_cast<size_t>(properties.l2CacheSize);
  DAE_CUDA_CHECK(cudaDriverGetVersion(&gpu.driver));
  DAE_CUDA_CHECK(cudaRuntimeGetVersion(&gpu.runtime));
  return gpu;
}

void copy_between_devices(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  if (!cuda_available()) {
    std::memcpy(to, from, bytes);  // without a driver every CUDA call fails
    return;
  }
  DAE_CUDA_CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyDefault));
  // cudaMemcpy may return early: from pageable memory as soon as the bytes are staged, within the
  // device at once (CUDA's "API synchronization behavior"). Streams here do not wait for the null
  // stream, so the host does.
  DAE_CUDA_CHECK(cudaStreamSynchronize(nullptr));
}

void synchronize_device() {
  DAE_CUDA_CHECK(cudaDeviceSynchronize());
}

void forget_device_error() {
  if (!cuda_available()) return;
  cudaGetLastError();
  cudaDeviceSynchronize();  // what the failed call left on the GPU may fail as well
  cudaGetLastError();
  synchronize_device();
}

#else

std::string why_no_cuda() {
  return "this build has no CUDA part: build it where nvcc is, or use the CPU";
}
int count_gpus() {
  fail("{}", why_no_cuda());
}
void use_gpu(int) {
  fail("{}", why_no_cuda());
}
std::string current_gpu_on_bus() {
  fail("{}", why_no_cuda());
}
GpuDescription describe_gpu() {
  fail("{}", why_no_cuda());
}
void copy_between_devices(void* to, const void* from, size_t bytes) {
  std::memcpy(to, from, bytes);
}
void synchronize_device() {}
void forget_device_error() {}

#endif

bool cuda_available() {
  static const bool available = why_no_cuda().empty();
  return available;
}

}  // namespace dae
