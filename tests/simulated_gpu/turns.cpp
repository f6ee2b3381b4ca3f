// Host threads, each perhaps a rank with a GPU of its own, call the runtime one at a time. One that has to wait for what
// another brings lets that have its turn.
#include <condition_variable>
#include <mutex>
#include <utility>

#include "tests/simulated_gpu/transfers.h"

namespace simulated {
namespace {

std::mutex one_at_a_time;
std::condition_variable changed;
thread_local int depth = 0;
uint64_t changes = 0;
std::map<std::thread::id, uint64_t> waiting;  // threads, and what had changed when they last looked

}  // namespace

Turn::Turn() {
  if (depth++ == 0) one_at_a_time.lock();
}
Turn::~Turn() {
  if (--depth == 0) one_at_a_time.unlock();
}

void something_changed() {
  changes++;
  changed.notify_all();
}

bool is_waiting(std::thread::id thread) {
  const auto found = waiting.find(thread);
  return found != waiting.end() && found->second == changes;
}

void let_others() {
  const uint64_t seen = changes;
  waiting[std::this_thread::get_id()] = seen;
  std::unique_lock lock(one_at_a_time, std::adopt_lock);
  const int own_depth = std::exchange(depth, 0);
  changed.wait(lock, [&] { return changes != seen; });
  depth = own_depth;
  lock.release();
  waiting.erase(std::this_thread::get_id());
}

bool wait_for_change() {
  waiting[std::this_thread::get_id()] = changes;
  if (nobody_comes()) {
    waiting.erase(std::this_thread::get_id());
    return false;
  }
  let_others();
  return true;
}

}  // namespace simulated
