// Owned memory. Everything a run needs is allocated once, before its first step.
//
// On a GPU it comes from the stream-ordered pool (cudaMallocAsync), which gives nothing back to the
// driver until free_memory() is asked: planning, which times engines on buffers of its own, and
// later evaluations are then served without the driver.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "runtime/error.h"
#include "runtime/queue.h"

namespace dae {

std::string show_bytes(size_t bytes);   // for people: "640.0 KiB", "94.1 MiB", "31.2 GiB"
std::string show_enough(size_t bytes);  // the same, rounded up: who gives so much has given `bytes`

// Bytes that can still be allocated. On the CPU: before Linux would have to swap or to kill, or a limit
// of the process (`ulimit -v`) or of its control group is met; SIZE_MAX where nothing says so. On a GPU
// this waits for all work.
size_t free_memory(Device device);

// What the control groups of a process leave it: the least of the limits of its own group and those
// above, less what they use and could not give back (man 7 cgroups; version 2 and version 1's memory
// controller). `groups` is what /proc/self/cgroup says, `mounted` where the groups are, /sys/fs/cgroup.
// SIZE_MAX: all there is.
size_t memory_left_by_groups(const std::string& groups, const std::filesystem::path& mounted);

// Bytes of this process that are in memory now; 0 where Linux does not say.
size_t resident_memory();

// Bytes of a device's memory, aligned to kTensorAlignment and zeroed. Move-only. Made and destroyed
// between steps only: both wait for the device.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device device, size_t bytes);  // throws OutOfMemory
  ~Buffer();
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  Device device_ = Device::cpu;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes of host memory that the GPU copies from and to by itself, aligned and zeroed. Move-only. In
// a build without CUDA making one throws Error.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

}  // namespace dae
