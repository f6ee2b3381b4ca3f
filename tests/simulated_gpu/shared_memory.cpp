// Shared memory: arrays of a block between red zones, poisoned until they are written.
#include <fmt/format.h>

#include <cstdlib>

#include "tests/simulated_gpu/block.h"

namespace simulated {
namespace {

constexpr size_t kRedZone = 64;
constexpr unsigned char kRedZoneByte = 0xa5, kPoisonByte = 0xff;

}  // namespace

unsigned char* carve(const char* key, size_t bytes, size_t alignment, const char* name) {
  const size_t offset = (block->shared_used + kRedZone + alignment - 1) / alignment * alignment;
  block->shared_used = offset + bytes + kRedZone;
  unsigned char* const at = block->shared + offset;
  unpoison(at - kRedZone, bytes + 2 * kRedZone);
  fill_unseen(at - kRedZone, kRedZone, kRedZoneByte);
  fill_unseen(at, bytes, kPoisonByte);
  fill_unseen(at + bytes, kRedZone, kRedZoneByte);
  poison(at - kRedZone, kRedZone);
  poison(at + bytes, kRedZone);
  block->arrays[key] = {offset, bytes, name};
  return at;
}

void check_shared() {
  if (kAsan) return;  // which watches the red zones itself
  for (const auto& [key, array] : block->arrays) {
    const unsigned char* const begin = block->shared + array.offset;
    for (size_t i = 0; i < kRedZone; i++)
      if (begin[-1 - static_cast<ptrdiff_t>(i)] != kRedZoneByte ||
          begin[array.bytes + i] != kRedZoneByte) {
        report(fmt::format("{}: something was written just outside the shared array {} of {} bytes",
                           kernel_name, array.name, array.bytes));
        return;
      }
  }
}

bool is_shared(const void* at, size_t bytes) {
  for (const auto& [key, array] : block->arrays) {
    const unsigned char* const begin = block->shared + array.offset;
    if (at >= begin && static_cast<const unsigned char*>(at) + bytes <= begin + array.bytes)
      return true;
  }
  return false;
}

void* shared_array(const char* key, size_t bytes, size_t alignment, const char* name, const char*,
                   int) {
  const Unseen bookkeeping;
  const auto found = block->arrays.find(key);
  return found == block->arrays.end() ? carve(key, bytes, alignment, name)
                                      : block->shared + found->second.offset;
}

void* dynamic_shared() {
  if (!block->dynamic) {
    report(fmt::format("{} uses dynamic shared memory, but was launched without", where()));
    std::abort();
  }
  return block->dynamic;
}

void enter_block_collective(void* storage, int threads) {
  const Unseen bookkeeping;
  if (static_cast<size_t>(threads) != block->threads.size())
    report(fmt::format("{}: a block reduction for {} threads in a block of {}", where(), threads,
                       block->threads.size()));
  const auto [entered, first] = block->collectives.try_emplace(storage, block->generation);
  if (!first && block->generation == entered->second + 1)
    report(fmt::format("{} uses a block reduction's storage again without a barrier", where()));
  entered->second = block->generation;
}

}  // namespace simulated
