#include "runtime/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "runtime/device.h"
#include "runtime/rounding.h"
#include "runtime/tensor.h"
#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#endif

namespace dae {
namespace {

#ifdef DAE_HAS_CUDA
// The current GPU's.
cudaMemPool_t pool() {
  int current = 0;
  DAE_CUDA_CHECK(cudaGetDevice(&current));
  cudaMemPool_t the = nullptr;
  DAE_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&the, current));
  uint64_t keep = UINT64_MAX;
  DAE_CUDA_CHECK(cudaMemPoolSetAttribute(the, cudaMemPoolAttrReleaseThreshold, &keep));
  return the;
}
#endif

// The number after a file's `key`, or at its start for none; `otherwise` where there is no such.
size_t number_in(const std::filesystem::path& path, const std::string& key, size_t otherwise) {
  std::ifstream file(path);
  for (std::string word; !key.empty() && word != key;)
    if (!(file >> word)) return otherwise;
  size_t number = 0;
  return file >> number ? number : otherwise;
}

// What this process has, in bytes.
struct OwnMemory {
  size_t addresses = 0, resident = 0;
};
OwnMemory own_memory() {
  std::ifstream file("/proc/self/statm");
  size_t addresses = 0, resident = 0;
  file >> addresses >> resident;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return {addresses * page, resident * page};
}

size_t left_of_address_space() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  const size_t taken = own_memory().addresses;
  return limit.rlim_cur > taken ? limit.rlim_cur - taken : 0;
}

}  // namespace

size_t memory_left_by_groups(const std::string& groups, const std::filesystem::path& mounted) {
  size_t left = SIZE_MAX;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {  // "0::/group" or "4:memory:/group"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool old = controllers.find(",memory,") != std::string::npos;
    if (!old && controllers != ",,") continue;
    std::filesystem::path group = line.substr(second + 1);
    for (;; group = group.parent_path()) {
      const std::filesystem::path folder =
          (old ? mounted / "memory" : mounted) / group.relative_path();
      const size_t limit =
          number_in(folder / (old ? "memory.limit_in_bytes" : "memory.max"), "", SIZE_MAX);
      size_t used = number_in(folder / (old ? "memory.usage_in_bytes" : "memory.current"), "", 0);
      used -= std::min(used, number_in(folder / "memory.stat",
                                       old ? "total_inactive_file" : "inactive_file", 0));
      if (limit != SIZE_MAX) left = std::min(left, limit - std::min(limit, used));
      if (group.relative_path().empty()) break;
    }
  }
  return left;
}

size_t resident_memory() {
  return own_memory().resident;
}

namespace {

struct Unit {
  size_t bytes;
  const char* name;
};

// In which so many bytes are shown.
Unit unit_of(size_t bytes) {
  constexpr size_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;
  if (bytes < kMiB) return {kKiB, "KiB"};
  if (bytes < kGiB) return {kMiB, "MiB"};
  return {kGiB, "GiB"};
}

}  // namespace

std::string show_bytes(size_t bytes) {
  const Unit unit = unit_of(bytes);
  return fmt::format("{:.1f} {}", double(bytes) / double(unit.bytes), unit.name);
}

std::string show_enough(size_t bytes) {
  const size_t unit = unit_of(bytes).bytes;
  const size_t tenths = ceil_div(10 * bytes, unit);
  return show_bytes(ceil_div(tenths * unit, 10));
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
  const size_t kib = number_in("/proc/meminfo", "MemAvailable:", SIZE_MAX / 1024);
  std::ifstream groups("/proc/self/cgroup");
  const std::string said((std::istreambuf_iterator<char>(groups)), {});
  return std::min(
      {kib * 1024, memory_left_by_groups(said, "/sys/fs/cgroup"), left_of_address_space()});
}

Buffer::Buffer(Device device, size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  if (device == Device::cuda) {
#ifdef DAE_HAS_CUDA
    pool();  // sets it up
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
  const size_t rounded = round_up(bytes, kTensorAlignment);
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
