#include "runtime/memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "runtime/error.h"
#include "runtime/tensor.h"
#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#endif

namespace dae {
namespace {

// Linux hands out more than there is and kills whoever uses it, so the size is asked for first.
size_t available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    size_t kib = 0;
    file >> kib >> unit;
    if (key == "MemAvailable:") return kib * 1024;
    if (!file) file.clear();
  }
  return SIZE_MAX;
}

}  // namespace

Buffer::Buffer(Device device, size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  if (device == Device::cuda) {
#ifdef DAE_HAS_CUDA
    void* data = nullptr;
    DAE_CUDA_CHECK(cudaMalloc(&data, bytes));
    data_ = static_cast<std::byte*>(data);
    DAE_CUDA_CHECK(cudaMemset(data_, 0, bytes));
    return;
#else
    fail("this build has no CUDA part");
#endif
  }
  if (const size_t available = available_memory(); bytes > available)
    fail(
        "{:.1f} GiB of memory are needed at once and {:.1f} GiB are free: choose a smaller "
        "--batch, "
        "--size or --width",
        bytes / double{1 << 30}, available / double{1 << 30});
  const size_t rounded = (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
  data_ = static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, rounded));
  if (!data_)
    fail("not enough memory for {:.1f} MB: choose a smaller --batch or --size", bytes / 1e6);
  std::memset(data_, 0, rounded);
}

Buffer::~Buffer() {
  if (!data_) return;
#ifdef DAE_HAS_CUDA
  if (device_ == Device::cuda) {
    cudaFree(data_);  // an error here has been or will be reported by the next checked call
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
  fail("this build has no CUDA part");
}

PinnedBuffer::~PinnedBuffer() = default;

#endif

}  // namespace dae
