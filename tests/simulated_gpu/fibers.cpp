// Threads: a block's are fibers of one operating-system thread. A fiber runs CUDA threads one after
// another until one of them has to wait, so kernels without barriers cost little more than a loop.
//
// Making a stack, and touching its pages for the first time, costs more than most threads do, and an
// identity of ThreadSanitizer's a hundred times that: a stream keeps those of its threads. That hides nothing
// between its launches: what an identity knows from an earlier launch, the stream knows since that launch
// ended, and tells every thread of the next. Within a launch they go round.
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

// Threads of two blocks of one launch have an identity in common only with so many others between. An identity takes a
// megabyte: when there are many, streams go round what they have, of which a block must have enough.
constexpr size_t kBetween = 2048, kEnough = 1024, kMostOfAll = 3000;
size_t identities_made = 0;

// By the identity of the stream; without ThreadSanitizer there is one. They outlive static objects.
std::map<void*, Crew>& crews() {
  static auto& all = *new std::map<void*, Crew>;
  return all;
}
std::vector<void*>& spare_identities() {
  static auto& list = *new std::vector<void*>;
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
    acquire(&block->launch_tags[0]);
    (*block->body)();
    end_async_copies();
    release(&block->launch_tags[1]);
    me->state = ThreadState::State::done;
    block->alive--;
    if (block->apart) return;  // an identity is one thread's
  }
}

void* make_identity() {
  identities_made++;
  return create_identity();
}

Fiber* make_fiber(void* identity) {
  auto* const fiber = new Fiber;  // goes from block to block
  fiber->identity = identity;
  fiber->resume_point = context::fiber(
      std::allocator_arg, StackOfFiber{fiber}, [fiber](context::fiber&& from) -> context::fiber {
        block->scheduler = std::move(from);
        finish_switch(nullptr, &block->scheduler_bottom, &block->scheduler_size);
        while (true) {
          run_fresh_threads(fiber);
          if (!block->apart) {
            const Unseen bookkeeping;
            block->crew->idle.push_back(fiber);
          }
          switch_to_scheduler(fiber);
        }
      });
  return fiber;
}

Fiber* next_fiber() {
  Crew& crew = *block->crew;
  if (block->apart) {
    const bool none_left = crew.next == crew.apart.size() && identities_made >= kMostOfAll;
    if (crew.next >= kBetween + block->threads.size() || (none_left && crew.next >= kEnough))
      crew.next = 0;
    if (crew.next == crew.apart.size()) crew.apart.push_back(make_fiber(make_identity()));
    return crew.apart[crew.next++];
  }
  if (crew.idle.empty()) return make_fiber(crew.together);
  Fiber* const fiber = crew.idle.back();
  crew.idle.pop_back();
  return fiber;
}

}  // namespace

void wait_in(ThreadState::State state, const Place& place) {
  ThreadState* const me = current;
  me->state = state;
  me->place = place;
  switch_to_scheduler(me->fiber);
  current = me;
}

void resume(Fiber* fiber) {
  the_counters.switches++;
  start_switch(&block->scheduler_asan_stack, fiber->stack, kStackBytes);
  become(fiber->identity);
  fiber->resume_point = std::move(fiber->resume_point).resume();
  finish_switch(block->scheduler_asan_stack, nullptr, nullptr);
}

void start_fresh_thread() {
  resume(next_fiber());
}

Crew& crew_of(void* identity, bool apart) {
  Crew& crew = crews()[identity];
  crew.next = 0;
  if (kTsan && !apart && !crew.together) crew.together = make_identity();
  return crew;
}

void* identity_for_stream() {
  if (spare_identities().empty()) return make_identity();
  void* const identity = spare_identities().back();
  spare_identities().pop_back();
  return identity;
}

void pass_on(void* identity) {
  if (kTsan) spare_identities().push_back(identity);
}

}  // namespace simulated
