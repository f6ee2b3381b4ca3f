#include "interpreter.h"

#include <dae/error.h>
#include <unistd.h>

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
  int outside = 0;  // calls at work, or on their way back into the interpreter
};

// Never destroyed: daemon threads use it as long as the process is there.
Gate& gate() {
  alignas(Gate) static std::byte memory[sizeof(Gate)];
  static Gate* const made = new (memory) Gate;
  return *made;
}

// The interpreter is about to end, or has: nothing is left to do but to wait for the process's end.
[[noreturn]] void stay(std::unique_lock<std::mutex>& lock) {
  gate().outside--;
  gate().changed.notify_all();
  lock.unlock();
  while (true) pause();
}

}  // namespace

Outside::Outside() {
  {
    const std::lock_guard lock(gate().mutex);
    if (gate().closing) throw Error("the interpreter is closing: nothing is begun any more");
  }
  leave();
}

Outside::~Outside() {
  if (state_ != nullptr) enter();
}

void Outside::leave() {
  {
    const std::lock_guard lock(gate().mutex);
    gate().outside++;
  }
  state_ = PyEval_SaveThread();
}

void Outside::enter() {
  std::unique_lock lock(gate().mutex);
  if (gate().closing) stay(lock);
  lock.unlock();
  PyEval_RestoreThread(state_);
  state_ = nullptr;
  lock.lock();
  gate().outside--;
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
  leave();
  return said;
}

void Outside::rethrow() {
  if (state_ != nullptr) enter();
  if (threw()) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void hear_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

Turn::Turn(Owner& owner) : owner_(owner) {
  const unsigned long thread = PyThread_get_thread_ident();
  std::unique_lock lock(gate().mutex);
  if (owner_.busy && owner_.thread == thread)
    throw Error("it is in use: a callback cannot call the object that calls it");
  gate().changed.wait(lock, [&] { return !owner_.busy || gate().closing; });
  if (gate().closing) stay(lock);
  owner_ = {true, thread};
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
    gate().changed.notify_all();
    gate().changed.wait(lock, [] { return gate().outside == 0; });
  }
  PyEval_RestoreThread(state);
}

void after_fork() {
  new (&gate()) Gate;
  set_threads(1);
}

}  // namespace dae::python
