// Blocks: all threads of one are started, and those that wait for a barrier or their warp resumed
// in the order the settings ask for, until all have ended.
#include "tests/simulated_gpu/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace simulated {

ThreadState* current = nullptr;
BlockState* block = nullptr;
const char* kernel_name = "";
Counters the_counters;

namespace {

Settings the_settings;

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
      resume(t.fiber);
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

}  // namespace

#ifdef DAE_SIMULATED_TSAN
extern "C" const char* __tsan_default_options() {
  return "halt_on_error=1:report_signal_unsafe=0";  // the fault handler speaks, then exits
}
#endif

std::string text(const Place& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

std::string where() {
  const uint3 b = current->block, t = current->thread;
  return fmt::format("{}: block ({},{},{}) thread ({},{},{})", kernel_name, b.x, b.y, b.z, t.x, t.y,
                     t.z);
}

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
  const size_t last = the_settings.last_blocks,
               left_out = last > 0 && blocks > last ? blocks - last : 0;
  std::vector<size_t> block_order(blocks - left_out);
  for (size_t i = 0; i < block_order.size(); i++) block_order[i] = left_out + i;
  put_in_order(block_order, block_order.size(), bits);
  const auto tags = std::make_unique<uint64_t[]>(2);
  release(&tags[0]);
  void* const identity = current_identity();
  const bool apart = kTsan && !the_settings.launches_as_threads;
  Crew& crew = crew_of(identity, apart);
  // Red zones and alignment come on top of what the kernel may use.
  const size_t arena = (kSharedLimit + shared_bytes + (64 << 10)) / 256 * 256;
  for (const size_t b : block_order) {
    const auto made = std::make_unique<BlockState>();
    BlockState& state = *made;
    block = &state;
    state.body = &body;
    state.launch_tags = tags.get();
    state.scheduler_identity = identity;
    state.crew = &crew;
    state.apart = apart;
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
    const size_t limit = shared_bytes > 0 ? kSharedMost : kSharedLimit;
    if (used > limit)
      report(fmt::format("{}: a block takes {} bytes of shared memory, of {}", op, used, limit));
    unpoison(state.shared, arena);
    std::free(state.shared);
    current = nullptr;
    block = nullptr;
    the_counters.blocks++;
    the_counters.threads += count;
  }
  acquire(&tags[1]);
}

}  // namespace simulated
