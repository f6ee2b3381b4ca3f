// Blocks, warps and threads. A block's threads are fibers of one operating-system thread; a fiber
// runs CUDA threads one after another until one of them has to wait, so kernels without barriers
// cost little more than a loop. Threads that wait for a barrier or their warp are resumed in the
// order the settings ask for.
#include <fmt/format.h>

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"

namespace simulated {
namespace {

namespace context = boost::context;

constexpr size_t kStackBytes = kTsan ? 48 << 10 : kAsan ? 256 << 10 : 64 << 10;
constexpr size_t kSharedLimit = 48 << 10, kRedZone = 64;
constexpr unsigned char kRedZoneByte = 0xa5, kPoisonByte = 0xff;

struct Place {
  const char* file = nullptr;
  int line = 0;
  bool operator==(const Place&) const = default;
};
std::string text(const Place& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

// The lanes that meet in one warp-wide operation.
struct WarpGroup {
  unsigned mask = 0, arrived = 0;
  uint64_t generation = 0;
  Place place;
  uint64_t values[2][32] = {};
  uint64_t tags[2] = {};
};

struct BlockState;
struct Fiber {
  context::fiber resume_point;
  void* stack = nullptr;
  BlockState* block = nullptr;
  void* asan_stack = nullptr;
};

struct ThreadState : Thread {
  enum class State { fresh, ready, at_barrier, in_warp, done } state = State::fresh;
  Place place;  // where it waits
  WarpGroup* group = nullptr;
  uint64_t generation = 0;
  Fiber* fiber = nullptr;
  void* identity = nullptr;  // ThreadSanitizer's
};

struct SharedArray {
  size_t offset, bytes;
  std::string name;
};

// Freshly allocated for each block, so that neither shadow memory nor tags tie blocks together.
struct BlockState {
  std::vector<ThreadState> threads;
  std::vector<unsigned> order;
  size_t next_fresh = 0;  // in `order`
  unsigned alive = 0, at_barrier = 0;
  uint64_t generation = 0;  // barriers passed
  uint64_t barrier_tags[2] = {};
  std::vector<std::deque<WarpGroup>> warps;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  const std::function<void()>* body = nullptr;
  unsigned char* shared = nullptr;
  unsigned char* dynamic = nullptr;
  size_t shared_used = 0;
  std::map<const char*, SharedArray> arrays;
  std::map<void*, uint64_t> collectives;  // generation in which a storage was entered
  context::fiber scheduler;
  void* scheduler_asan_stack = nullptr;
  const void* scheduler_bottom = nullptr;
  size_t scheduler_size = 0;
  void* scheduler_identity = nullptr;
  uint64_t* launch_tags = nullptr;  // [0]: before all threads, [1]: after
};

ThreadState* current = nullptr;
BlockState* block = nullptr;
const char* kernel_name = "";
Settings the_settings;
Counters the_counters;

std::string where() {
  const uint3 b = current->block, t = current->thread;
  return fmt::format("{}: block ({},{},{}) thread ({},{},{})", kernel_name, b.x, b.y, b.z, t.x, t.y,
                     t.z);
}

// --- Switching --------------------------------------------------------------------------------

struct StackOfFiber {
  Fiber* fiber;
  context::stack_context allocate() {
    fiber->stack = std::malloc(kStackBytes);
    context::stack_context stack;
    stack.size = kStackBytes;
    stack.sp = static_cast<char*>(fiber->stack) + kStackBytes;
    return stack;
  }
  void deallocate(context::stack_context&) {
    unpoison(fiber->stack, kStackBytes);
    std::free(fiber->stack);
  }
};

void switch_to_scheduler(Fiber* fiber) {
  start_switch(&fiber->asan_stack, block->scheduler_bottom, block->scheduler_size);
  become(block->scheduler_identity);
  block->scheduler = std::move(block->scheduler).resume();
  finish_switch(fiber->asan_stack, &block->scheduler_bottom, &block->scheduler_size);
}

void wait_in(ThreadState::State state, const Place& place) {
  ThreadState* const me = current;
  me->state = state;
  me->place = place;
  switch_to_scheduler(me->fiber);
  current = me;
}

void run_fresh_threads(Fiber* fiber) {
  while (block->next_fresh < block->order.size()) {
    ThreadState* const me = &block->threads[block->order[block->next_fresh++]];
    me->fiber = fiber;
    me->state = ThreadState::State::ready;
    current = me;
    if (kTsan) me->identity = current_identity();
    acquire(&block->launch_tags[0]);
    (*block->body)();
    release(&block->launch_tags[1]);
    me->state = ThreadState::State::done;
    block->alive--;
    if (kTsan) return;  // an identity is one thread's
  }
}

void resume(Fiber* fiber, void* identity) {
  the_counters.switches++;
  start_switch(&block->scheduler_asan_stack, fiber->stack, kStackBytes);
  become(identity);
  fiber->resume_point = std::move(fiber->resume_point).resume();
  finish_switch(block->scheduler_asan_stack, nullptr, nullptr);
}

void start_fresh_thread() {
  if (block->idle.empty()) {
    auto made = std::make_unique<Fiber>();
    Fiber* const fiber = made.get();
    fiber->block = block;
    fiber->resume_point =
        context::fiber(std::allocator_arg, StackOfFiber{fiber}, [fiber](context::fiber&& from) {
          block->scheduler = std::move(from);
          finish_switch(nullptr, &block->scheduler_bottom, &block->scheduler_size);
          for (;;) {
            run_fresh_threads(fiber);
            if (kTsan) break;  // a stack is one thread's, too
            block->idle.push_back(fiber);
            switch_to_scheduler(fiber);
            if (!block->body) break;
          }
          become(block->scheduler_identity);
          start_switch(nullptr, block->scheduler_bottom, block->scheduler_size);
          return std::move(block->scheduler);
        });
    block->fibers.push_back(std::move(made));
    resume(fiber, create_identity());
  } else {
    Fiber* const fiber = block->idle.back();
    block->idle.pop_back();
    resume(fiber, nullptr);
  }
}

// ThreadSanitizer gives a dead thread's number to a new one and takes their accesses for one
// thread's, which would hide races between blocks and between launches: the last identities stay.
// It has 8000 numbers.
void retire_identity(void* identity) {
  constexpr size_t kKept = 2048;
  static std::deque<void*> retired;
  retired.push_back(identity);
  if (retired.size() <= kKept) return;
  destroy_identity(retired.front());
  retired.pop_front();
}

// --- Blocks -----------------------------------------------------------------------------------

template <class T>
void put_in_order(std::vector<T>& items, size_t warp, std::mt19937_64& bits) {
  switch (the_settings.order) {
    case ThreadOrder::forward:
      break;
    case ThreadOrder::reversed:
      std::reverse(items.begin(), items.end());
      break;
    case ThreadOrder::warps_reversed:
      std::reverse(items.begin(), items.end());
      for (size_t i = 0; i < items.size(); i += warp)
        std::reverse(items.begin() + static_cast<ptrdiff_t>(i),
                     items.begin() + static_cast<ptrdiff_t>(std::min(i + warp, items.size())));
      break;
    case ThreadOrder::random:
      std::shuffle(items.begin(), items.end(), bits);
      break;
  }
}

void release_barrier() {
  const ThreadState* first = nullptr;
  for (ThreadState& t : block->threads) {
    if (t.state != ThreadState::State::at_barrier) continue;
    if (!first) first = &t;
    if (!(t.place == first->place)) {
      current = &t;
      report(fmt::format("{} waits at the barrier {} while thread {} waits at {}", where(),
                         text(t.place), first->linear, text(first->place)));
      break;
    }
  }
  if (block->alive < block->threads.size())
    for (ThreadState& t : block->threads)
      if (t.state == ThreadState::State::done) {
        current = &t;
        report(fmt::format("{} has ended while others wait at the barrier {}", where(),
                           text(first->place)));
        break;
      }
  block->at_barrier = 0;
  block->generation++;
  for (ThreadState& t : block->threads)
    if (t.state == ThreadState::State::at_barrier) t.state = ThreadState::State::ready;
}

// Nothing can go on: threads wait in warp operations for lanes that never come.
void break_deadlock() {
  for (ThreadState& t : block->threads)
    if (t.state == ThreadState::State::in_warp) {
      current = &t;
      report(fmt::format("{} waits at {} for lanes {:08x} of which some never come", where(),
                         text(t.place), t.group->mask));
      break;
    }
  for (ThreadState& t : block->threads)
    if (t.state == ThreadState::State::in_warp) {
      t.group->generation++;
      t.group->arrived = 0;
    }
}

void run_threads(std::mt19937_64& bits) {
  while (block->alive > 0) {
    bool any = false;
    while (block->next_fresh < block->order.size()) {
      start_fresh_thread();
      any = true;
    }
    if (the_settings.order == ThreadOrder::random)
      std::shuffle(block->order.begin(), block->order.end(), bits);
    for (const unsigned i : block->order) {
      ThreadState& t = block->threads[i];
      if (t.state == ThreadState::State::in_warp && t.group->generation != t.generation)
        t.state = ThreadState::State::ready;
      if (t.state != ThreadState::State::ready) continue;
      resume(t.fiber, t.identity);
      any = true;
    }
    if (block->alive > 0 && block->at_barrier == block->alive)
      release_barrier();
    else if (!any && block->alive > 0)
      block->at_barrier > 0 && std::none_of(block->threads.begin(), block->threads.end(),
                                            [](const ThreadState& t) {
                                              return t.state == ThreadState::State::in_warp;
                                            })
          ? release_barrier()
          : break_deadlock();
  }
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

// Takes `bytes` of the block's shared memory, between red zones, poisoned.
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

}  // namespace

#ifdef DAE_SIMULATED_TSAN
extern "C" const char* __tsan_default_options() {
  return "halt_on_error=1:report_signal_unsafe=0";  // the fault handler speaks, then exits
}
#endif

Settings& settings() {
  return the_settings;
}
const Counters& counters() {
  return the_counters;
}
const Thread& this_thread() {
  if (!current) {
    report("threadIdx and its like have no meaning outside kernels");
    std::abort();
  }
  return *current;
}

void run_kernel(const char* op, dim3 grid, dim3 block_dim, size_t shared_bytes,
                const std::function<void()>& body) {
  const Unseen bookkeeping;
  const unsigned count = block_dim.x * block_dim.y * block_dim.z;
  const size_t blocks = size_t{grid.x} * grid.y * grid.z;
  kernel_name = op;
  the_counters.launches++;
  std::mt19937_64 bits(the_settings.seed * 1000003 + the_counters.launches);
  std::vector<size_t> block_order(blocks);
  for (size_t i = 0; i < blocks; i++) block_order[i] = i;
  put_in_order(block_order, blocks, bits);
  const auto tags = std::make_unique<uint64_t[]>(2);
  release(&tags[0]);
  void* const identity = current_identity();
  // Red zones and alignment come on top of what the kernel may use.
  const size_t arena = (kSharedLimit + shared_bytes + (64 << 10)) / 256 * 256;
  for (const size_t b : block_order) {
    BlockState state;
    block = &state;
    state.body = &body;
    state.launch_tags = tags.get();
    state.scheduler_identity = identity;
    state.threads.resize(count);
    state.alive = count;
    state.warps.resize((count + 31) / 32);
    for (unsigned i = 0; i < count; i++) {
      ThreadState& t = state.threads[i];
      t.linear = i;
      t.thread = {i % block_dim.x, i / block_dim.x % block_dim.y, i / (block_dim.x * block_dim.y)};
      t.block = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                 static_cast<unsigned>(b / (size_t{grid.x} * grid.y))};
      t.block_dim = block_dim;
      t.grid_dim = grid;
      state.order.push_back(i);
    }
    put_in_order(state.order, 32, bits);
    state.shared = static_cast<unsigned char*>(std::aligned_alloc(256, arena));
    poison(state.shared, arena);
    if (shared_bytes > 0) {
      static const char dynamic_key = 0;
      state.dynamic = carve(&dynamic_key, shared_bytes, 16, "dynamic");
    }
    run_threads(bits);
    check_shared();
    size_t used = 0;
    for (const auto& [key, array] : state.arrays) used += array.bytes;
    if (used > kSharedLimit)
      report(fmt::format("{}: a block takes {} bytes of shared memory, of {}", op, used,
                         kSharedLimit));
    state.body = nullptr;  // idle fibers end
    for (Fiber* const fiber : state.idle) resume(fiber, nullptr);
    if (kTsan)
      for (const ThreadState& t : state.threads) retire_identity(t.identity);
    unpoison(state.shared, arena);
    std::free(state.shared);
    current = nullptr;
    block = nullptr;
    the_counters.blocks++;
    the_counters.threads += count;
  }
  acquire(&tags[1]);
}

// --- What kernels call ------------------------------------------------------------------------

void sync_threads(const char* file, int line) {
  const Unseen bookkeeping;
  block->at_barrier++;
  uint64_t* const tag = &block->barrier_tags[block->generation % 2];
  release(tag);
  wait_in(ThreadState::State::at_barrier, {file, line});
  acquire(tag);
}

namespace {

WarpGroup& group_of(unsigned mask) {
  auto& groups = block->warps[current->linear / 32];
  for (WarpGroup& group : groups)
    if (group.mask == mask) return group;
  groups.emplace_back();
  groups.back().mask = mask;
  return groups.back();
}

// Meets the lanes of `mask`; the generation tells which slot of the group holds what they brought.
WarpGroup& meet(unsigned mask, uint64_t value, const Place& place, uint64_t& generation) {
  ThreadState* const me = current;
  if (!(mask >> lane() & 1))
    report(fmt::format("{} is not in the mask {:08x} it gives at {}", where(), mask, text(place)));
  WarpGroup& group = group_of(mask);
  if (group.arrived > 0 && !(group.place == place))
    report(fmt::format("{} is at {} while other lanes of {:08x} are at {}", where(), text(place),
                       mask, text(group.place)));
  group.place = place;
  generation = group.generation;
  group.values[generation % 2][lane()] = value;
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

}  // namespace

void sync_warp(unsigned mask, const char* file, int line) {
  const Unseen bookkeeping;
  WarpGroup& group = group_of(mask);
  uint64_t* const tag = &group.tags[group.generation % 2];
  release(tag);
  uint64_t generation;
  meet(mask, 0, {file, line}, generation);
  acquire(tag);
}

uint64_t exchange(unsigned mask, uint64_t value, unsigned from, const char* file, int line) {
  const Unseen bookkeeping;
  if (!(mask >> from & 1))
    report(fmt::format("{} asks lane {} at {}:{}, which is not in the mask {:08x}", where(), from,
                       file, line, mask));
  uint64_t generation;
  const WarpGroup& group = meet(mask, value, {file, line}, generation);
  return group.values[generation % 2][from];
}

unsigned ballot(unsigned mask, bool vote, const char* file, int line) {
  const Unseen bookkeeping;
  uint64_t generation;
  const WarpGroup& group = meet(mask, vote, {file, line}, generation);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; i++)
    if ((mask >> i & 1) && group.values[generation % 2][i]) votes |= 1u << i;
  return votes;
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
