// What the library does while other Python threads run: a call gives the interpreter's lock (GIL) up,
// works, takes the lock for moments where Python code is called in between, and at the end.
//
// An interpreter that ends kills threads that wait for its lock, and a thread killed amid C++ ends the
// whole process. So before it ends, end_calls() waits until no call is at work any more, nor amid Python
// code that it called, unless that takes seconds. A call of a daemon thread then stops where it would
// next take the lock or give it up, and stays there; so does one that only begins.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>
#include <functional>
#include <mutex>

namespace dae::python {

// The lock is given up from here on. To be made with the lock held.
class Outside {
 public:
  Outside();   // of the thread that ends the interpreter, throws Error from then on
  ~Outside();  // takes the lock
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // Calls f, which touches Python, with the lock held. What it throws is kept for rethrow(): then, or
  // where it says false, the result is false.
  bool ask(const std::function<bool()>& f);
  bool threw() const { return thrown_ != nullptr; }
  void rethrow();  // takes the lock, for good; throws what ask() kept

 private:
  void enter();
  void leave(std::unique_lock<std::mutex>& lock);
  void come_back();

  PyThreadState* state_ = nullptr;
  std::exception_ptr thrown_;
};

// work(outside) without the lock. What Python code threw meanwhile comes out in place of what the
// library made of it.
template <class Work>
void without_lock(const Work& work) {
  Outside outside;
  try {
    work(outside);
  } catch (...) {
    if (outside.threw()) outside.rethrow();
    throw;
  }
  outside.rethrow();
}

// Hears Ctrl-C: throws what Python makes of signals that have come. With the lock held.
void hear_signals();

// What a report of progress comes to: Ctrl-C is heard, then `progress` is called, a function or None. Work
// goes on unless it says something false other than None. With the lock held.
template <class... Values>
bool goes_on(nanobind::handle progress, const Values&... values) {
  hear_signals();
  if (progress.is_none()) return true;
  const nanobind::object answer = progress(values...);
  return answer.is_none() || nanobind::cast<bool>(nanobind::bool_(answer));
}

// An object that is not for two threads at once is used by one after another. To be made and destroyed
// outside the lock. Throws Error where it would wait for ever: in a callback of
// its own, and after a fork for a thread that is left behind. Ctrl-C is heard
// while it waits.
class Turn {
 public:
  struct Owner {
    bool busy = false;
    unsigned long thread = 0;
    unsigned forks = 0;  // a thread that was busy before a fork is not there after it
  };
  Turn(Owner& owner, Outside& outside);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Owner& owner_;
};

void end_calls();   // before the interpreter ends
void after_fork();  // in the child, where no other thread is, and none of OpenMP's

}  // namespace dae::python
