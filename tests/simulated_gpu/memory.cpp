// Device and pinned memory: made poisoned and between guards, given back only when those are whole.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulated_gpu/allocations.h"
#include "tests/simulated_gpu/sanitizers.h"

namespace simulated {
namespace {

constexpr size_t kGuard = 256;  // as far as the alignment that cudaMalloc promises
constexpr unsigned char kGuardByte = 0xa5, kPoisonByte = 0xff;
int made = 0;

}  // namespace

std::map<char*, Allocation>& allocations() {
  static std::map<char*, Allocation> all;
  return all;
}

std::list<Allocation>& returned() {
  static auto* const all = new std::list<Allocation>;  // outlives whatever frees memory
  return *all;
}

Usage& usage(int device) {
  static std::array<Usage, kMostDevices> the;
  return the[static_cast<size_t>(device)];
}

std::string name_of(const Allocation& a) {
  return fmt::format("{} allocation {} ({} bytes)", a.pinned ? "pinned" : "device", a.number,
                     a.bytes);
}

const Allocation* find_returned(const void* p) {
  for (const Allocation& a : returned())
    if (p >= a.mapping && p < a.mapping + a.mapped) return &a;
  return nullptr;
}

Allocation* find(const void* p) {
  auto after = allocations().upper_bound(static_cast<char*>(const_cast<void*>(p)));
  if (after == allocations().begin()) return nullptr;
  Allocation& a = std::prev(after)->second;
  return p < a.mapping + a.mapped ? &a : nullptr;
}

cudaError_t allocate(void** data, size_t bytes, bool pinned, bool pooled) {
  if (broken()) return failure();
  if (capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (!data) return set_error(cudaErrorInvalidValue);
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  // The pool gives back what it does not use before an allocation fails.
  if (!pinned && usage().device_bytes + usage().pool.used + bytes > usage().capacity)
    return set_error(cudaErrorMemoryAllocation);
  count_resource();
  catch_faults();
  Allocation a;
  a.number = ++made;
  a.device = current_device();
  a.pinned = pinned;
  a.pooled = pooled;
  a.bytes = bytes;
  a.mapped = (bytes + 2 * kGuard + kPage - 1) / kPage * kPage + 2 * kPage;
  a.mapping = static_cast<char*>(
      mmap(nullptr, a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (a.mapping == MAP_FAILED) return set_error(cudaErrorMemoryAllocation);
  protect(a, PROT_READ | PROT_WRITE);
  // As close to the unmapped page behind as the alignment allows.
  a.data = a.inner() + (a.inner_bytes() - kGuard - bytes) / kGuard * kGuard;
  fill_unseen(a.inner(), a.inner_bytes(), kGuardByte);
  fill_unseen(a.data, bytes, kPoisonByte);
  poison(a.inner(), static_cast<size_t>(a.data - a.inner()));
  poison(a.data + bytes, static_cast<size_t>(a.inner() + a.inner_bytes() - a.data) - bytes);
  if (!pinned) {
    a.open = memory_is_open();
    if (!a.open) protect(a, PROT_NONE);
    (pooled ? usage().pool.used : usage().device_bytes) += bytes;
    usage().pool.reserved = std::min(std::max(usage().pool.reserved, usage().pool.used),
                                     usage().capacity - usage().device_bytes);
  }
  *data = a.data;
  allocations()[a.mapping] = a;
  return cudaSuccess;
}

// The guards of an allocation that can be read now.
void check_guards(const Allocation& a, const std::string& by) {
  unpoison(a.inner(), a.inner_bytes());
  const auto bad = [](char c) { return static_cast<unsigned char>(c) != kGuardByte; };
  char* const end = a.inner() + a.inner_bytes();
  // The nearest bytes are enough: the rest is checked when the memory is freed.
  char* const before = std::max(a.inner(), a.data - kGuard);
  char* const behind = std::min(end, a.data + a.bytes + kGuard);
  const bool broken =
      std::any_of(before, a.data, bad) || std::any_of(a.data + a.bytes, behind, bad);
  if (broken) {
    report(fmt::format("{} wrote just outside {}", by, name_of(a)));
    fill_unseen(before, static_cast<size_t>(a.data - before), kGuardByte);
    fill_unseen(a.data + a.bytes, static_cast<size_t>(behind - a.data) - a.bytes, kGuardByte);
  }
  poison(a.inner(), static_cast<size_t>(a.data - a.inner()));
  poison(a.data + a.bytes, static_cast<size_t>(end - a.data) - a.bytes);
}

namespace {

cudaError_t release_memory(void* data, bool pinned) {
  if (!data) return cudaSuccess;
  if (capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  Allocation* const a = find(data);
  if (!a || a->data != data || a->pinned != pinned || a->pooled)
    return set_error(cudaErrorInvalidValue);
  cudaDeviceSynchronize();  // as the real calls do
  protect(*a, PROT_READ | PROT_WRITE);
  check_guards(*a, "something");
  unpoison(a->inner(), a->inner_bytes());
  forget(a->data, a->bytes);
  if (!pinned) usage(a->device).device_bytes -= a->bytes;
  munmap(a->mapping, a->mapped);
  allocations().erase(a->mapping);
  return failure();
}

}  // namespace

void set_capacity(size_t bytes) {
  for (int device = 0; device < kMostDevices; device++) usage(device).capacity = bytes;
}

int device_of(const void* data) {
  const Allocation* const a = find(data);
  return a && !a->pinned ? a->device : -1;
}

bool is_device_memory(const void* data, size_t bytes) {
  const Allocation* const a = find(data);
  if (!a || a->pinned) return false;
  if (!a->contains(data) || static_cast<const char*>(data) + bytes > a->data + a->bytes)
    report(fmt::format("{} bytes at byte {} of {}: not all inside", bytes,
                       static_cast<const char*>(data) - a->data, name_of(*a)));
  return true;
}

bool is_pinned_memory(const void* data, size_t bytes) {
  const Allocation* const a = find(data);
  return a && a->pinned && a->contains(data) &&
         static_cast<const char*>(data) + bytes <= a->data + a->bytes;
}

std::string describe_address(const void* data) {
  const Allocation* a = find(data);
  if (!a) a = find_returned(data);
  if (!a) return fmt::format("host address {}", data);
  return fmt::format("byte {} of {}", static_cast<const char*>(data) - a->data, name_of(*a));
}

}  // namespace simulated

using namespace simulated;

cudaError_t cudaMalloc(void** data, size_t bytes) {
  const Turn turn;
  return allocate(data, bytes, false);
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  const Turn turn;
  return allocate(data, bytes, true);
}
cudaError_t cudaFree(void* data) {
  const Turn turn;
  return release_memory(data, false);
}
cudaError_t cudaFreeHost(void* data) {
  const Turn turn;
  return release_memory(data, true);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Turn turn;
  if (broken()) return failure();
  const size_t taken = usage().device_bytes + usage().pool.reserved;
  *free = usage().capacity > taken ? usage().capacity - taken : 0;
  *total = usage().capacity;
  return cudaSuccess;
}
