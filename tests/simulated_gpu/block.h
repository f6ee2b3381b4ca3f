// Blocks of the simulated GPU: what the files share that run their threads, let them meet, and give
// them shared memory.
#pragma once

#include <boost/context/fiber.hpp>
#include <deque>
#include <map>
#include <memory>
#include <random>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"

namespace simulated {

struct Place {
  const char* file = nullptr;
  int line = 0;
  bool operator==(const Place&) const = default;
};
std::string text(const Place& place);

// The lanes that meet in one warp-wide operation. What each brings stays until the next but one.
struct WarpGroup {
  unsigned mask = 0, arrived = 0;
  uint64_t generation = 0;
  Place place;
  Fragments values[2][32] = {};
  uint64_t tags[2] = {};
};

struct Fiber {
  boost::context::fiber resume_point;
  void* stack = nullptr;
  void* asan_stack = nullptr;
  void* identity = nullptr;  // ThreadSanitizer's: the stack is its alone
};

// What a stream's threads run on.
struct Crew {
  std::vector<Fiber*> idle;   // for any number of threads, of one identity
  void* together = nullptr;   // that identity
  std::vector<Fiber*> apart;  // each of an identity of its own, for one thread at a time: in turn
  size_t next = 0;            // of them
};

// A thread's asynchronous copies, in order; those of one group have its number.
struct AsyncCopies {
  struct Numbered {
    AsyncCopy copy;
    unsigned group;
  };
  std::vector<Numbered> begun;
  size_t over = 0;  // of them
  unsigned committed = 0;
};

struct ThreadState : Thread {
  enum class State { fresh, ready, at_barrier, in_warp, done } state = State::fresh;
  Place place;  // where it waits
  WarpGroup* group = nullptr;
  uint64_t generation = 0;
  Fiber* fiber = nullptr;
  AsyncCopies copies;
};

struct SharedArray {
  size_t offset, bytes;
  std::string name;
};

// On the heap, and made for each block: at an address of ThreadSanitizer's, what other blocks' threads knew there stays
// until it is freed, and would tie blocks together.
struct BlockState {
  std::vector<ThreadState> threads;
  std::vector<unsigned> order;
  size_t next_fresh = 0;  // in `order`
  unsigned alive = 0, at_barrier = 0;
  uint64_t generation = 0;  // barriers passed
  uint64_t barrier_tags[2] = {};
  std::vector<std::deque<WarpGroup>> warps;
  const std::function<void()>* body = nullptr;
  unsigned char* shared = nullptr;
  unsigned char* dynamic = nullptr;
  size_t shared_used = 0;
  std::map<const char*, SharedArray> arrays;
  std::map<void*, uint64_t> collectives;  // generation in which a storage was entered
  boost::context::fiber scheduler;
  void* scheduler_asan_stack = nullptr;
  const void* scheduler_bottom = nullptr;
  size_t scheduler_size = 0;
  void* scheduler_identity = nullptr;
  Crew* crew = nullptr;
  bool apart = false;               // each thread is one to ThreadSanitizer
  uint64_t* launch_tags = nullptr;  // [0]: before all threads, [1]: after
};

// What runs now, and what has run.
extern ThreadState* current;
extern BlockState* block;
extern const char* kernel_name;
extern Counters the_counters;
std::string where();  // of the current thread, for messages

// meeting.cpp: meets the lanes of `mask`; slot `generation` % 2 of the group's values then holds
// what they brought.
WarpGroup& meet(unsigned mask, const Fragments& brought, const Place& place, uint64_t& generation);

// async_copies.cpp
void end_async_copies();  // of a thread that ends

// fibers.cpp
void start_fresh_thread();
void resume(Fiber* fiber);
void wait_in(ThreadState::State state, const Place& place);
// At the start of a launch: who runs it on the stream of that identity.
Crew& crew_of(void* identity, bool apart);
// A stream's identity, with its threads': one that was passed on, or a new one. Since the host has waited
// for the stream that passed it on, it knows nothing that the host does not.
void* identity_for_stream();
void pass_on(void* identity);

// shared_memory.cpp
// Whether these bytes lie in an array of the block's shared memory.
bool is_shared(const void* at, size_t bytes);
// Takes `bytes` of the block's shared memory, between red zones, poisoned.
unsigned char* carve(const char* key, size_t bytes, size_t alignment, const char* name);
void check_shared();

}  // namespace simulated
