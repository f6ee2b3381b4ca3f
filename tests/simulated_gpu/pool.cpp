// The pool behind cudaMallocAsync: memory is there for what its stream does next, and gone when the
// work that frees it has run.
#include <algorithm>

#include "tests/simulated_gpu/allocations.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/work.h"

namespace simulated {
namespace {

constexpr size_t kRemembered = 256;  // allocations that went back to the pool

Pool* pool_of(cudaMemPool_t handle) {
  for (int device = 0; device < kMostDevices; device++)
    if (handle == reinterpret_cast<cudaMemPool_t>(&usage(device).pool)) return &usage(device).pool;
  return nullptr;
}

}  // namespace

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
  Pool& pool = usage(a.device).pool;
  pool.used -= a.bytes;
  pool.reserved = std::max(pool.used, std::min<uint64_t>(pool.reserved, pool.threshold));
  returned().push_back(a);
  if (returned().size() <= kRemembered) return;
  const Allocation& oldest = returned().front();
  forget(oldest.data, oldest.bytes);
  munmap(oldest.mapping, oldest.mapped);
  returned().pop_front();
}

}  // namespace simulated

using namespace simulated;

// From the pool: memory is there for what the stream does next and, by an event or a host wait, for
// others; freeing it is a write, so whoever uses it must come before.
cudaError_t cudaMallocAsync(void** data, size_t bytes, cudaStream_t stream) {
  const Turn turn;
  CUstream_st* const on = resolve(stream);
  if (!on) return set_error(cudaErrorInvalidResourceHandle);
  if (!is_here(*on, "cudaMallocAsync")) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = allocate_from_pool(data, bytes); error != cudaSuccess) return error;
  if (*data) enqueue(*on, "cudaMallocAsync", {{*data, bytes, true}}, {});
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  const Turn turn;
  CUstream_st* const on = resolve(stream);
  if (!on) return set_error(cudaErrorInvalidResourceHandle);
  if (!data) return cudaSuccess;
  if (!is_here(*on, "cudaFreeAsync")) return cudaErrorInvalidResourceHandle;
  if (capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  const size_t bytes = pool_allocation_bytes(data);
  if (bytes == 0) return set_error(cudaErrorInvalidValue);
  if (broken()) {
    return_to_pool(data);
    return failure();
  }
  enqueue(*on, "cudaFreeAsync", {{data, bytes, true}}, [=] { return_to_pool(data); });
  if (pool_allocation_bytes(data) > 0) mark_freed(data);  // else it has run already
  return cudaSuccess;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* out, int device) {
  const Turn turn;
  if (device < 0 || device >= state().device_count) return set_error(cudaErrorInvalidDevice);
  *out = reinterpret_cast<cudaMemPool_t>(&usage(device).pool);
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t of, cudaMemPoolAttr attribute, void* value) {
  const Turn turn;
  Pool* const pool = pool_of(of);
  if (!pool || attribute != cudaMemPoolAttrReleaseThreshold || !value)
    return set_error(cudaErrorInvalidValue);
  pool->threshold = *static_cast<const uint64_t*>(value);
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t of, size_t bytes_to_keep) {
  const Turn turn;
  Pool* const pool = pool_of(of);
  if (!pool) return set_error(cudaErrorInvalidValue);
  pool->reserved = std::max(pool->used, std::min(pool->reserved, bytes_to_keep));
  return cudaSuccess;
}
