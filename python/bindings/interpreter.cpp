#include "interpreter.h"

#include <dae/error.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>

#include "runtime/parallel.h"

namespace nb = nanobind;

namespace dae::python {
namespace {

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool closing = false;
  unsigned long closer = 0;  // the thread that ends the interpreter
  int outside = 0;           // calls at work, or on their way back into the interpreter
  int inside = 0;            // calls that have come back and run Python code
};

thread_local int inside_here = 0;  // this thread's share of Gate::inside
unsigned forks = 0;                // between this process and the first that loaded the module

// A callback may wait for what never comes any more.
constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kHearing =
    std::chrono::milliseconds(100);  // how often who waits for his turn listens

// Never destroyed: daemon threads use it as long as the process is there.
Gate& gate() {
  alignas(Gate) static std::byte memory[sizeof(Gate)];
  static Gate* const made = new (memory) Gate;
  return *made;
}

// The interpreter is about to end, or has: without its lock nothing is left to do but to wait for the
// process's end.
[[noreturn]] void stay(std::unique_lock<std::mutex>& lock) {
  gate().changed.notify_all();
  lock.unlock();
  while (true) pause();
}

}  // namespace

Outside::Outside() {
  std::unique_lock lock(gate().mutex);
  if (gate().closing && gate().closer == PyThread_get_thread_ident())
    throw Error("the interpreter is closing: nothing is begun any more");
  leave(lock);
}

Outside::~Outside() {
  come_back();
}

void Outside::come_back() {
  if (state_ == nullptr) return;
  enter();
  const std::lock_guard lock(gate().mutex);
  gate().inside--;
  inside_here--;
  gate().changed.notify_all();
}

void Outside::leave(std::unique_lock<std::mutex>& lock) {
  const bool closing = gate().closing;
  if (!closing) gate().outside++;
  lock.unlock();
  state_ = PyEval_SaveThread();
  if (!closing) return;
  lock.lock();
  stay(lock);
}

void Outside::enter() {
  std::unique_lock lock(gate().mutex);
  if (gate().closing) {
    gate().outside--;
    stay(lock);
  }
  lock.unlock();
  PyEval_RestoreThread(state_);
  state_ = nullptr;
  lock.lock();
  gate().outside--;
  gate().inside++;
  inside_here++;
  gate().changed.notify_all();
}

bool Outside::ask(const std::function<bool()>& f) {
  if (threw()) return false;
  enter();
  bool said = false;
  try {
    said = f();
  } catch (...) {
    thrown_ = std::current_exception();
  }
  std::unique_lock lock(gate().mutex);
  gate().inside--;
  inside_here--;
  leave(lock);
  return said;
}

void Outside::rethrow() {
  come_back();
  if (threw()) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void hear_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

Turn::Turn(Owner& owner, Outside& outside) : owner_(owner) {
  const unsigned long thread = PyThread_get_thread_ident();
  std::unique_lock lock(gate().mutex);
  if (owner_.busy && owner_.thread == thread)
    throw Error("it is in use: a callback cannot call the object that calls it");
  if (owner_.busy && owner_.forks != forks)
    throw Error("it was in use by another thread when the process was forked: make another");
  while (!gate().changed.wait_for(lock, kHearing, [&] { return !owner_.busy || gate().closing; })) {
    lock.unlock();
    const bool go_on = outside.ask([] {
      hear_signals();
      return true;
    });
    if (!go_on) throw Cancelled("interrupted");  // in its place outside.rethrow() throws what came
    lock.lock();
  }
  if (gate().closing) {
    gate().outside--;
    stay(lock);
  }
  owner_ = {true, thread, forks};
}

Turn::~Turn() {
  const std::lock_guard lock(gate().mutex);
  owner_.busy = false;
  gate().changed.notify_all();
}

void end_calls() {
  PyThreadState* const state = PyEval_SaveThread();
  {
    std::unique_lock lock(gate().mutex);
    gate().closing = true;
    gate().closer = PyThread_get_thread_ident();
    gate().changed.notify_all();
    gate().changed.wait(lock, [] { return gate().outside == 0; });
    gate().changed.wait_for(lock, kPatience, [] { return gate().inside == 0; });
  }
  PyEval_RestoreThread(state);
}

void after_fork() {
  new (&gate()) Gate;
  gate().inside = inside_here;
  forks++;
  set_threads(1);
}

}  // namespace dae::python
