// Device and pinned memory. Each allocation has pages of its own: guard bytes on both sides, NaN
// poison inside, and protection that lets only work on the device touch device memory, and keeps
// the host from pinned memory that work still uses. A forbidden access ends the program with a line
// that says what was touched, by whom, and which operation is in the way.
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <map>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"

namespace simulated {
namespace {

constexpr size_t kPage = 4096, kGuard = 256;  // as far as the alignment that cudaMalloc promises
constexpr unsigned char kGuardByte = 0xa5, kPoisonByte = 0xff;
constexpr size_t kRemembered = 256;  // allocations that went back to the pool

struct Allocation {
  int number = 0;
  bool pinned = false, pooled = false, freed = false;
  char* mapping = nullptr;
  size_t mapped = 0;
  char* data = nullptr;
  size_t bytes = 0;
  std::map<std::string, int> holds;  // by operation, of pinned memory

  char* inner() const { return mapping + kPage; }
  size_t inner_bytes() const { return mapped - 2 * kPage; }
  bool contains(const void* p) const { return p >= data && p < data + bytes; }
};

std::map<char*, Allocation>& allocations() {
  static std::map<char*, Allocation> all;  // by the mapping's address
  return all;
}
int made = 0, device_work_depth = 0;
size_t capacity = kCapacity, device_bytes = 0;  // without the pool's
struct Pool {
  size_t used = 0, reserved = 0;  // reserved: taken from the device, and not given back
  uint64_t threshold = 0;
};
Pool pool;
// Unmapped, so that an access faults instead of finding someone else's memory.
std::list<Allocation>& returned() {
  static auto* const all = new std::list<Allocation>;  // outlives whatever frees memory
  return *all;
}
std::string running;

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

void protect(const Allocation& a, int protection) {
  mprotect(a.inner(), a.inner_bytes(), protection);
}

void on_fault(int, siginfo_t* info, void*) {
  const Allocation* const a = find(info->si_addr);
  const Allocation* const gone = find_returned(info->si_addr);
  if (!a && !gone && device_work_depth == 0) {
    signal(SIGSEGV, SIG_DFL);
    return;  // and faults again, as it would have
  }
  std::string what;
  const auto at = a ? static_cast<const char*>(info->si_addr) - a->data : 0;
  if (gone)
    what = fmt::format("{} touches {}, which was freed",
                       device_work_depth > 0 ? running : "the host", name_of(*gone));
  else if (!a)
    what = fmt::format("{} touches {}, which no allocation is near", running, info->si_addr);
  else if (device_work_depth > 0)
    what = fmt::format("{} touches byte {} of {}, far outside", running, at, name_of(*a));
  else if (!a->holds.empty())
    what = fmt::format("the host touches byte {} of {} while {} may still use it", at, name_of(*a),
                       a->holds.begin()->first);
  else
    what = fmt::format("the host touches byte {} of {}", at, name_of(*a));
  what = "simulated GPU: " + what + "\n";
  if (write(STDERR_FILENO, what.data(), what.size()) < 0) _exit(3);
  _exit(2);
}

void catch_faults() {
  static const bool done = [] {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    return true;
  }();
  (void)done;
}

cudaError_t allocate(void** data, size_t bytes, bool pinned, bool pooled = false) {
  if (broken()) return failure();
  if (capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (!data) return set_error(cudaErrorInvalidValue);
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  // The pool gives back what it does not use before an allocation fails.
  if (!pinned && device_bytes + pool.used + bytes > capacity)
    return set_error(cudaErrorMemoryAllocation);
  count_resource();
  catch_faults();
  Allocation a;
  a.number = ++made;
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
    protect(a, PROT_NONE);
    (pooled ? pool.used : device_bytes) += bytes;
    pool.reserved = std::min(std::max(pool.reserved, pool.used), capacity - device_bytes);
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
  if (!pinned) device_bytes -= a->bytes;
  munmap(a->mapping, a->mapped);
  allocations().erase(a->mapping);
  return failure();
}

}  // namespace

void set_capacity(size_t bytes) {
  capacity = bytes;
}

cudaError_t allocate_from_pool(void** data, size_t bytes) {
  return allocate(data, bytes, false, true);
}

size_t pool_allocation_bytes(const void* data) {
  const Allocation* const a = find(data);
  return a && a->data == data && a->pooled && !a->freed ? a->bytes : 0;
}

void mark_freed(const void* data) {
  find(data)->freed = true;
}

bool is_freed(const void* data) {
  const Allocation* const a = find(data);
  return a ? a->freed : find_returned(data) != nullptr;
}

void return_to_pool(const void* data) {
  const Unseen bookkeeping;
  const auto found = allocations().find(find(data)->mapping);
  const Allocation a = found->second;
  protect(a, PROT_READ | PROT_WRITE);
  check_guards(a, "something");
  unpoison(a.inner(), a.inner_bytes());
  // New pages in place of the old ones: the addresses stay taken, the memory does not.
  mmap(a.mapping, a.mapped, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
       0);
  allocations().erase(found);
  pool.used -= a.bytes;
  pool.reserved = std::max(pool.used, std::min<uint64_t>(pool.reserved, pool.threshold));
  returned().push_back(a);
  if (returned().size() <= kRemembered) return;
  const Allocation& oldest = returned().front();
  forget(oldest.data, oldest.bytes);
  munmap(oldest.mapping, oldest.mapped);
  returned().pop_front();
}

DeviceWork::DeviceWork(const std::string& name) {
  if (device_work_depth++ > 0) return;
  running = name;
  for (const auto& [at, a] : allocations()) protect(a, PROT_READ | PROT_WRITE);
}

DeviceWork::~DeviceWork() {
  if (--device_work_depth > 0) return;
  for (const auto& [at, a] : allocations()) {
    check_guards(a, running);
    if (!a.pinned || !a.holds.empty()) protect(a, PROT_NONE);
  }
}

void hold_pinned(const void* data, const std::string& op) {
  Allocation* const a = find(data);
  if (!a || !a->pinned) return;
  a->holds[op]++;
  if (device_work_depth == 0) protect(*a, PROT_NONE);
}

void release_pinned(const void* data) {
  Allocation* const a = find(data);
  if (!a || !a->pinned || a->holds.empty()) return;
  if (--a->holds.begin()->second == 0) a->holds.erase(a->holds.begin());
  if (a->holds.empty() && device_work_depth == 0) protect(*a, PROT_READ | PROT_WRITE);
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
  return allocate(data, bytes, false);
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  return allocate(data, bytes, true);
}
cudaError_t cudaFree(void* data) {
  return release_memory(data, false);
}
cudaError_t cudaFreeHost(void* data) {
  return release_memory(data, true);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  if (broken()) return failure();
  const size_t taken = device_bytes + pool.reserved;
  *free = capacity > taken ? capacity - taken : 0;
  *total = capacity;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* out, int device) {
  if (device != 0) return set_error(cudaErrorInvalidValue);
  *out = reinterpret_cast<cudaMemPool_t>(&pool);
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t of, cudaMemPoolAttr attribute, void* value) {
  if (of != reinterpret_cast<cudaMemPool_t>(&pool) ||
      attribute != cudaMemPoolAttrReleaseThreshold || !value)
    return set_error(cudaErrorInvalidValue);
  pool.threshold = *static_cast<const uint64_t*>(value);
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t of, size_t bytes_to_keep) {
  if (of != reinterpret_cast<cudaMemPool_t>(&pool)) return set_error(cudaErrorInvalidValue);
  pool.reserved = std::max(pool.used, std::min(pool.reserved, bytes_to_keep));
  return cudaSuccess;
}
