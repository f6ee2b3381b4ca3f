// Where threads meet: the block's barrier, and the operations of warps.
#include <fmt/format.h>

#include "tests/simulated_gpu/block.h"

namespace simulated {
namespace {

WarpGroup& group_of(unsigned mask) {
  auto& groups = block->warps[current->linear / 32];
  for (WarpGroup& group : groups)
    if (group.mask == mask) return group;
  groups.emplace_back();
  groups.back().mask = mask;
  return groups.back();
}

}  // namespace

WarpGroup& meet(unsigned mask, const Fragments& brought, const Place& place, uint64_t& generation) {
  ThreadState* const me = current;
  if (!(mask >> lane() & 1))
    report(fmt::format("{} is not in the mask {:08x} it gives at {}", where(), mask, text(place)));
  WarpGroup& group = group_of(mask);
  if (group.arrived > 0 && !(group.place == place))
    report(fmt::format("{} is at {} while other lanes of {:08x} are at {}", where(), text(place),
                       mask, text(group.place)));
  group.place = place;
  generation = group.generation;
  group.values[generation % 2][lane()] = brought;
  if (++group.arrived == static_cast<unsigned>(__builtin_popcount(mask))) {
    group.arrived = 0;
    group.generation++;
  } else {
    me->group = &group;
    me->generation = generation;
    wait_in(ThreadState::State::in_warp, place);
  }
  return group;
}

void sync_threads(const char* file, int line) {
  const Unseen bookkeeping;
  block->at_barrier++;
  uint64_t* const tag = &block->barrier_tags[block->generation % 2];
  release(tag);
  wait_in(ThreadState::State::at_barrier, {file, line});
  acquire(tag);
}

void sync_warp(unsigned mask, const char* file, int line) {
  const Unseen bookkeeping;
  WarpGroup& group = group_of(mask);
  uint64_t* const tag = &group.tags[group.generation % 2];
  release(tag);
  uint64_t generation;
  meet(mask, {}, {file, line}, generation);
  acquire(tag);
}

uint64_t exchange(unsigned mask, uint64_t value, unsigned from, const char* file, int line) {
  const Unseen bookkeeping;
  if (!(mask >> from & 1))
    report(fmt::format("{} asks lane {} at {}:{}, which is not in the mask {:08x}", where(), from,
                       file, line, mask));
  uint64_t generation;
  const Fragments words = {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
  const WarpGroup& group = meet(mask, words, {file, line}, generation);
  const Fragments& theirs = group.values[generation % 2][from];
  return theirs[0] | uint64_t{theirs[1]} << 32;
}

unsigned ballot(unsigned mask, bool vote, const char* file, int line) {
  const Unseen bookkeeping;
  uint64_t generation;
  const WarpGroup& group = meet(mask, {vote}, {file, line}, generation);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; i++)
    if ((mask >> i & 1) && group.values[generation % 2][i][0]) votes |= 1u << i;
  return votes;
}

}  // namespace simulated
