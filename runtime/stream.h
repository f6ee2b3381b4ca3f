// Owners of CUDA streams, events and captured graphs. In a build without CUDA making one throws
// Error. All are move-only; a call that CUDA refuses throws Error naming it.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace dae::cuda {

// A handle that is null when moved from.
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  void* get() const { return handle_; }

 protected:
  void* handle_ = nullptr;
};

class Event;

// A stream that does not wait for the null stream, nor it for this.
class Stream : public Handle {
 public:
  Stream();
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = default;
  ~Stream();

  void wait(const Event& event) const;  // what comes next waits for what the event recorded
  void synchronize() const;             // the host waits for what has been enqueued
};

// A point in a stream. Without timing: it costs nothing but order.
class Event : public Handle {
 public:
  Event();
  Event(Event&&) = default;
  Event& operator=(Event&&) = default;
  ~Event();

  void record(void* stream) const;  // a cudaStream_t, which may be the caller's
  void record(const Stream& stream) const { record(stream.get()); }
  void synchronize() const;  // the host waits; returns at once if nothing was recorded
  bool is_over() const;      // without waiting
};

// What `enqueue` puts on `stream`, and on streams that wait for it and that it waits for in the
// end, recorded once and replayed with one call. Addresses and arguments are those of the
// recording.
class Graph : public Handle {
 public:
  Graph() = default;
  Graph(const Stream& stream, const std::function<void()>& enqueue);
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  ~Graph();

  void launch(const Stream& stream) const;
};

// Enqueues a copy. Host memory must be pinned (runtime/memory.h) and stay as it is until the copy
// is over.
void copy_async(void* to, const void* from, size_t bytes, void* stream);
inline void copy_async(void* to, const void* from, size_t bytes, const Stream& stream) {
  copy_async(to, from, bytes, stream.get());
}

// Enqueues setting bytes of device memory to zero; `stream` as in Queue.
void clear_async(void* to, size_t bytes, void* stream);

}  // namespace dae::cuda
