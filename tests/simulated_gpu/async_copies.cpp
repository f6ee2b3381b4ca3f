// Asynchronous copies: what a thread has begun, by groups, until it has waited for it. To
// AddressSanitizer their bytes are out of bounds for so long.
#include <fmt/format.h>

#include "tests/simulated_gpu/block.h"

namespace simulated {

bool check_async_copy(const void* to, const void* from, const char* file, int line) {
  const Unseen bookkeeping;
  const bool aligned =
      reinterpret_cast<uintptr_t>(to) % 16 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0;
  if (!aligned || !is_shared(to, 16))
    report(
        fmt::format("{} copies at {}:{} between places that are not sixteen aligned bytes, to "
                    "shared memory",
                    where(), file, line));
  return aligned;
}

void begin_async_copy(const AsyncCopy& copy) {
  const Unseen bookkeeping;
  current->copies.begun.push_back({copy, current->copies.committed});
  poison(copy.to, sizeof copy.bytes);
}

void commit_async_copies() {
  current->copies.committed++;
}

bool next_async_copy(unsigned pending, AsyncCopy& copy) {
  const Unseen bookkeeping;
  AsyncCopies& mine = current->copies;
  if (mine.over == mine.begun.size() || mine.begun[mine.over].group + pending >= mine.committed)
    return false;
  copy = mine.begun[mine.over++].copy;
  unpoison(copy.to, sizeof copy.bytes);
  return true;
}

void end_async_copies() {
  const Unseen bookkeeping;
  AsyncCopies& mine = current->copies;
  if (mine.over < mine.begun.size())
    report(fmt::format("{} has ended before it waited for {} of its asynchronous copies", where(),
                       mine.begun.size() - mine.over));
  mine = {};
}

}  // namespace simulated
