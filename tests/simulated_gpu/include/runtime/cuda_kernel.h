// The simulated GPU's runtime/cuda_kernel.h: the same words as the real one, by which every kernel
// is launched and gets its shared memory.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <source_location>
#include <tuple>

#include "runtime/cuda_check.h"
#include "runtime/rounding.h"
#include "tests/simulated_gpu/simulator.h"

// One arena a block; each array lies between red zones and starts poisoned. The static's address
// tells which declaration of which instantiation it is.
#define DAE_SHARED(T, name, count)                                    \
  static const char name##_key = 0;                                   \
  T(&name)                                                            \
  [count] = *reinterpret_cast<T(*)[count]>(::simulated::shared_array( \
      &name##_key, sizeof(T) * (count), alignof(T), #name, __FILE__, __LINE__))
#define DAE_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(::simulated::dynamic_shared())
#define DAE_UNROLLED
#define DAE_ROLLED

namespace dae::cuda {

inline cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

template <class... Params, class... Args>
void launch(const char* op, void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes,
            void* stream, Args&&... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  std::tuple<Params...> parameters(static_cast<Params>(args)...);  // by value, at the launch
  simulated::launch(op, grid, block, shared_bytes, stream_of(stream),
                    [kernel, parameters] { std::apply(kernel, parameters); });
  check_launch(op);
}

// --- Tensor cores and asynchronous copies: the real header's contracts, held strictly -----------

// Products are exact, their sum is f32's, in order of k.
inline void mma_m16n8k16(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                         std::source_location at = std::source_location::current()) {
  simulated::mma_m16n8k16(sum, {a[0], a[1], a[2], a[3], b0, b1}, at.file_name(),
                          static_cast<int>(at.line()));
}

// Each lane reads what it gets itself: to sanitizers as well, it must see what others wrote to the
// rows.
inline void ldmatrix_x4(uint32_t (&fragment)[4], const void* row,
                        std::source_location at = std::source_location::current()) {
  const auto rows = simulated::meet_for_rows(row, at.file_name(), static_cast<int>(at.line()));
  const unsigned g = simulated::lane() / 4, t = simulated::lane() % 4;
  for (unsigned m = 0; m < 4; m++) std::memcpy(&fragment[m], rows[8 * m + g] + 4 * t, 4);
}
inline void ldmatrix_x4_trans(uint32_t (&fragment)[4], const void* row,
                              std::source_location at = std::source_location::current()) {
  const auto rows = simulated::meet_for_rows(row, at.file_name(), static_cast<int>(at.line()));
  const unsigned g = simulated::lane() / 4, t = simulated::lane() % 4;
  for (unsigned m = 0; m < 4; m++) {
    uint16_t first, second;
    std::memcpy(&first, rows[8 * m + 2 * t] + 2 * g, 2);
    std::memcpy(&second, rows[8 * m + 2 * t + 1] + 2 * g, 2);
    fragment[m] = first | uint32_t{second} << 16;
  }
}

// The bytes are written twice by the thread that copies: poison when the copy begins, which is as
// early as the hardware may write, and the data when it was waited for, which is as late. In
// between nobody may look.
inline void cp_async_16(void* to, const void* from, bool there,
                        std::source_location at = std::source_location::current()) {
  simulated::AsyncCopy copy{to, {}};
  if (simulated::check_async_copy(to, there ? from : nullptr, at.file_name(),
                                  static_cast<int>(at.line())) &&
      there)
    std::memcpy(copy.bytes, from, sizeof copy.bytes);
  // Two stores that ThreadSanitizer sees; sixteen bytes of memset become one that it does not.
  constexpr uint64_t kPoison = ~uint64_t{0};
  for (int half = 0; half < 2; half++)
    std::memcpy(static_cast<unsigned char*>(to) + 8 * half, &kPoison, sizeof kPoison);
  simulated::begin_async_copy(copy);
}
inline void cp_async_commit() {
  simulated::commit_async_copies();
}
template <int kPending>
void cp_async_wait() {
  simulated::AsyncCopy copy;
  while (simulated::next_async_copy(kPending, copy))
    std::memcpy(copy.to, copy.bytes, sizeof copy.bytes);
}

}  // namespace dae::cuda
