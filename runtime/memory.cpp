#include "runtime/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "runtime/device.h"
#include "runtime/tensor.h"
#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#endif

namespace dae {
namespace {

#ifdef DAE_HAS_CUDA
cudaMemPool_t pool() {
  static const cudaMemPool_t the = [] {
    cudaMemPool_t made = nullptr;
    DAE_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&made, 0));
    uint64_t keep = UINT64_MAX;
    DAE_CUDA_CHECK(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &keep));
    return made;
  }();
  return the;
}
#endif

// What the limit of this process's addresses (ulimit -v) leaves.
size_t allowed_memory() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  std::ifstream file("/proc/self/statm");
  size_t pages = 0;
  file >> pages;
  const size_t taken = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return limit.rlim_cur > taken ? limit.rlim_cur - taken : 0;
}

}  // namespace

std::string show_bytes(size_t bytes) {
  const double kib = double(bytes) / 1024;
  if (kib < 1024) return fmt::format("{:.1f} KiB", kib);
  if (kib < 1024 * 1024) return fmt::format("{:.1f} MiB", kib / 1024);
  return fmt::format("{:.1f} GiB", kib / (1024 * 1024));
}

size_t free_memory(Device device) {
#ifdef DAE_HAS_CUDA
  if (device == Device::cuda) {
    synchronize_device();  // so that what was freed is back in the pool
    DAE_CUDA_CHECK(cudaMemPoolTrimTo(pool(), 0));
    size_t free = 0, total = 0;
    DAE_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return free;
  }
#endif
  if (device == Device::cuda)
    fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    size_t kib = 0;
    file >> kib >> unit;
    if (key == "MemAvailable:") return std::min(kib * 1024, allowed_memory());
    if (!file) file.clear();
  }
  return allowed_memory();
}

Buffer::Buffer(Device device, size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  if (device == Device::cuda) {
#ifdef DAE_HAS_CUDA
    pool();  // which is set up by the first call
    void* data = nullptr;
    DAE_CUDA_CHECK(cudaMallocAsync(&data, bytes, nullptr));
    data_ = static_cast<std::byte*>(data);
    DAE_CUDA_CHECK(cudaMemsetAsync(data_, 0, bytes, nullptr));
    DAE_CUDA_CHECK(cudaStreamSynchronize(nullptr));  // other streams may use it at once
    return;
#else
    fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
#endif
  }
  // Linux hands out more than there is and kills whoever uses it, so the size is asked for first.
  const size_t free = free_memory(device);
  const size_t rounded = (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
  if (bytes <= free) data_ = static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, rounded));
  if (!data_)
    throw OutOfMemory(fmt::format("{} of memory are needed at once and {} are free",
                                  show_bytes(bytes), show_bytes(free)));
  std::memset(data_, 0, rounded);
}

Buffer::~Buffer() {
  if (!data_) return;
#ifdef DAE_HAS_CUDA
  if (device_ == Device::cuda) {
    // An error here has been or will be reported by the next checked call.
    cudaDeviceSynchronize();
    cudaFreeAsync(data_, nullptr);
    return;
  }
#endif
  std::free(data_);
}

#ifdef DAE_HAS_CUDA

PinnedBuffer::PinnedBuffer(size_t bytes) {
  void* data = nullptr;
  DAE_CUDA_CHECK(cudaHostAlloc(&data, bytes, cudaHostAllocDefault));
  data_ = static_cast<std::byte*>(data);
  std::memset(data_, 0, bytes);
}

PinnedBuffer::~PinnedBuffer() {
  if (data_) cudaFreeHost(data_);
}

#else

PinnedBuffer::PinnedBuffer(size_t) {
  fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
}

PinnedBuffer::~PinnedBuffer() = default;

#endif

}  // namespace dae
