// What GPUs give each other: the simulated NCCL's communicators, and the work that a group of its calls is. Work
// of that kind runs when all have come to it that give or take something, and then on all of them at once.
#pragma once

#include <set>
#include <thread>

#include "tests/simulated_gpu/work.h"

namespace simulated {

struct Transfer;
struct Clique;

// One rank's. They meet as `Clique`.
struct Member {
  int rank = 0, device = 0;
  std::thread::id owner;
  bool gone = false;     // destroyed or aborted
  bool aborted = false;  // its work is over, whatever has come of it
  std::shared_ptr<Clique> clique;
  // Its last transfer, on whichever stream.
  std::string last_name;
  int last_stream = 0;
  uint64_t last_index = 0;
};

struct Part {
  int peer = 0;
  char* data = nullptr;
  size_t count = 0, bytes = 0;
  int type = 0;
  std::weak_ptr<Transfer> partner;  // once it was enqueued, too
  size_t partner_part = 0;
};

struct Transfer {
  std::shared_ptr<Member> member;
  std::string step;  // that was announced
  std::vector<Part> gives, takes;
  std::weak_ptr<Operation> operation;
  bool is_coming = false;  // it is being seen to that all come
};

struct Clique {
  using Unmatched = std::deque<std::pair<std::shared_ptr<Transfer>, size_t>>;  // and which part
  std::vector<std::shared_ptr<Member>> members;                                // by rank
  std::map<std::pair<int, int>, Unmatched> given, taken;                       // by from, to
};

// For a replay: the same calls, not enqueued yet.
std::shared_ptr<Transfer> another(const Transfer& transfer);
// Its operation was enqueued; finds its partners among those that were, and compares.
void post(const std::shared_ptr<Transfer>& transfer, const OperationPtr& operation);
// Runs what must come before it on all GPUs that take part, then the transfer itself on all. False where one has
// not enqueued its part, or what comes before it waits in turn.
bool come_together(const OperationPtr& operation);
// Whether no thread is left that could enqueue what the last such was waiting for; then that is reported.
bool nobody_comes();

// turns.cpp: whether the thread waits, and has seen all that happened.
bool is_waiting(std::thread::id thread);
// Waits until something has changed.
void let_others();

}  // namespace simulated
