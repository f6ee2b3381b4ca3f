// Copies and fills: what CUDA promises of when they are over, and no more.
#include <fmt/format.h>

#include <cstring>

#include "tests/simulated_gpu/work.h"

namespace simulated {
namespace {

// The memory a copy names must exist. Pageable host memory is for blocking copies only.
bool check_copied(const void* data, size_t bytes, bool blocking, const char* call) {
  if (is_device_memory(data, bytes) || is_pinned_memory(data, bytes)) return true;
  if (!blocking)
    report(
        fmt::format("{}: {} bytes at {} are neither device nor pinned memory: the copy would not "
                    "be asynchronous",
                    call, bytes, data));
  return false;
}

// A blocking copy is over when it returns only where CUDA promises that (its "API synchronization
// behavior"): to the host, and from pinned memory. From pageable memory it returns once the bytes
// are staged, within the device at once; what comes after on other streams must wait for the null
// stream.
cudaError_t copy(void* to, const void* from, size_t bytes, CUstream_st* stream, bool blocking) {
  if (broken()) return failure();
  if (!stream) return set_error(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!to || !from) return set_error(cudaErrorInvalidValue);
  if (blocking && capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  const char* const name = blocking ? "cudaMemcpy" : "cudaMemcpyAsync";
  if (!is_here(*stream, name)) return cudaErrorInvalidResourceHandle;
  std::vector<Access> accesses;
  const bool from_host = !check_copied(from, bytes, blocking, name);
  if (!from_host) accesses.push_back({from, bytes, false});
  if (check_copied(to, bytes, blocking, name)) accesses.push_back({to, bytes, true});
  std::function<void()> work = [=] { std::memcpy(to, from, bytes); };
  const bool to_device = is_device_memory(to, bytes);
  const bool staged = blocking && to_device && from_host;
  if (staged) {
    wait_for(*stream);
    const auto* const begin = static_cast<const char*>(from);
    work = [to, bytes = std::vector<char>(begin, begin + bytes)] {
      std::memcpy(to, bytes.data(), bytes.size());
    };
  }
  enqueue(*stream, stream->announced.empty() || blocking ? name : stream->announced + " (copy)",
          std::move(accesses), std::move(work));
  if (!stream->capture && !stream->queue.empty()) stream->queue.back()->copies = true;
  if (!blocking) {
    if (settings().schedule == Schedule::copies_first) run_ready_copies(*stream);
  } else if (!staged && !(to_device && is_device_memory(from, bytes))) {
    wait_for(*stream);
  }
  return failure();
}

cudaError_t fill(void* to, int value, size_t bytes, CUstream_st* stream, const char* name) {
  if (broken()) return failure();
  if (!stream) return set_error(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!is_here(*stream, name)) return cudaErrorInvalidResourceHandle;
  check_copied(to, bytes, false, name);
  enqueue(*stream, name, {{to, bytes, true}}, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

}  // namespace
}  // namespace simulated

using namespace simulated;

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  const Turn turn;
  return copy(to, from, bytes, resolve(nullptr), true);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  const Turn turn;
  return copy(to, from, bytes, resolve(stream), false);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const Turn turn;
  return fill(to, value, bytes, resolve(nullptr), "cudaMemset");
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  const Turn turn;
  return fill(to, value, bytes, resolve(stream), "cudaMemsetAsync");
}
