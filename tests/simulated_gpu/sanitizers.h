// What the sanitizers must be told about fibers and streams; nothing in an ordinary build.
//
// AddressSanitizer has to know which stack runs. ThreadSanitizer sees every CUDA thread and every
// stream as a thread of its own, switched to without an edge: the only edges are those that
// release() and acquire() of one address make, here for launches, barriers, events and host waits.
// The simulator's own files are compiled without ThreadSanitizer, so their bookkeeping is
// invisible.
#pragma once

#include <cstddef>
#ifdef DAE_SIMULATED_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef DAE_SIMULATED_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" void __tsan_ignore_thread_begin();
extern "C" void __tsan_ignore_thread_end();
#endif

namespace simulated {

// std::fill that no sanitizer takes for an access of the simulated program: they watch memset.
inline void fill_unseen(void* data, size_t bytes, unsigned char value) {
  auto* const at = static_cast<volatile unsigned char*>(data);
  for (size_t i = 0; i < bytes; i++) at[i] = value;
}

#ifdef DAE_SIMULATED_ASAN
inline constexpr bool kAsan = true;
inline void poison(const void* data, size_t bytes) {
  ASAN_POISON_MEMORY_REGION(data, bytes);
}
inline void unpoison(const void* data, size_t bytes) {
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
}
inline void start_switch(void** save, const void* bottom, size_t size) {
  __sanitizer_start_switch_fiber(save, bottom, size);
}
inline void finish_switch(void* save, const void** bottom, size_t* size) {
  __sanitizer_finish_switch_fiber(save, bottom, size);
}
#else
inline constexpr bool kAsan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void**, size_t*) {}
#endif

#ifdef DAE_SIMULATED_TSAN
inline constexpr bool kTsan = true;
inline void* create_identity() {
  return __tsan_create_fiber(0);
}
inline void* current_identity() {
  return __tsan_get_current_fiber();
}
inline void become(void* identity) {
  __tsan_switch_to_fiber(identity, __tsan_switch_to_fiber_no_sync);
}
inline void release(void* tag) {
  __tsan_release(tag);
}
inline void acquire(void* tag) {
  __tsan_acquire(tag);
}
// While it lives, what the current identity touches is not the simulated program's doing: compiled
// without ThreadSanitizer the simulator's own loads and stores are invisible anyway, but memcpy,
// malloc and free are not.
class Unseen {
 public:
  Unseen() { __tsan_ignore_thread_begin(); }
  ~Unseen() { __tsan_ignore_thread_end(); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};
#else
struct Unseen {
  Unseen() {}
  ~Unseen() {}
};
inline constexpr bool kTsan = false;
inline void* create_identity() {
  return nullptr;
}
inline void* current_identity() {
  return nullptr;
}
inline void become(void*) {}
inline void release(void*) {}
inline void acquire(void*) {}
#endif

}  // namespace simulated
