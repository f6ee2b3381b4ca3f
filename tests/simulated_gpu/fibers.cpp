// Threads: a block's are fibers of one operating-system thread. A fiber runs CUDA threads one after
// another until one of them has to wait, so kernels without barriers cost little more than a loop.
#include <cstdlib>

#include "tests/simulated_gpu/block.h"

namespace simulated {
namespace {

namespace context = boost::context;

constexpr size_t kStackBytes = kTsan ? 48 << 10 : kAsan ? 256 << 10 : 64 << 10;

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

// Fibers that wait for a thread to run, whatever its block: making a stack, and touching its pages
// for the first time, costs more than most threads do. They outlive static objects.
std::vector<Fiber*>& idle_fibers() {
  static auto& list = *new std::vector<Fiber*>;
  return list;
}

void switch_to_scheduler(Fiber* fiber) {
  start_switch(&fiber->asan_stack, block->scheduler_bottom, block->scheduler_size);
  become(block->scheduler_identity);
  block->scheduler = std::move(block->scheduler).resume();
  finish_switch(fiber->asan_stack, &block->scheduler_bottom, &block->scheduler_size);
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
    end_async_copies();
    release(&block->launch_tags[1]);
    me->state = ThreadState::State::done;
    block->alive--;
    if (kTsan) return;  // an identity is one thread's
  }
}

}  // namespace

void wait_in(ThreadState::State state, const Place& place) {
  ThreadState* const me = current;
  me->state = state;
  me->place = place;
  switch_to_scheduler(me->fiber);
  current = me;
}

void resume(Fiber* fiber, void* identity) {
  the_counters.switches++;
  start_switch(&block->scheduler_asan_stack, fiber->stack, kStackBytes);
  become(identity);
  fiber->resume_point = std::move(fiber->resume_point).resume();
  finish_switch(block->scheduler_asan_stack, nullptr, nullptr);
}

void start_fresh_thread() {
  if (!idle_fibers().empty()) {
    Fiber* const fiber = idle_fibers().back();
    idle_fibers().pop_back();
    resume(fiber, nullptr);
    return;
  }
  auto made = std::make_unique<Fiber>();
  Fiber* const fiber = made.get();
  fiber->resume_point =
      context::fiber(std::allocator_arg, StackOfFiber{fiber}, [fiber](context::fiber&& from) {
        block->scheduler = std::move(from);
        finish_switch(nullptr, &block->scheduler_bottom, &block->scheduler_size);
        run_fresh_threads(fiber);
        while (!kTsan) {
          idle_fibers().push_back(fiber);
          switch_to_scheduler(fiber);
          run_fresh_threads(fiber);
        }
        become(block->scheduler_identity);  // a stack is one thread's, too
        return std::move(block->scheduler);
      });
  if (kTsan)
    block->fibers.push_back(std::move(made));
  else
    made.release();  // goes from block to block
  resume(fiber, block->launch_identity ? block->launch_identity : create_identity());
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

}  // namespace simulated
