// Protection: only work on the device may touch device memory, and the host no pinned memory that
// work still uses. A forbidden access ends the program with a line that says what was touched, by
// whom, and which operation is in the way.
//
// Work opens an allocation by touching it: the access faults, may be made, and is made again. A step touches few of
// the hundreds there may be, and each costs a system call to open and one to close.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/simulated_gpu/allocations.h"

namespace simulated {
namespace {

int open_depth = 0;
std::string running;

void open(Allocation& a) {
  protect(a, PROT_READ | PROT_WRITE);
  a.open = true;
}

void on_fault(int, siginfo_t* info, void*) {
  Allocation* const a = find(info->si_addr);
  if (a && memory_is_open() && !a->open && a->has_near(info->si_addr)) return open(*a);
  const Allocation* const gone = find_returned(info->si_addr);
  if (!a && !gone && !memory_is_open()) {
    signal(SIGSEGV, SIG_DFL);
    return;  // and faults again, as it would have
  }
  std::string what;
  const auto at = a ? static_cast<const char*>(info->si_addr) - a->data : 0;
  if (gone)
    what = fmt::format("{} touches {}, which was freed", memory_is_open() ? running : "the host",
                       name_of(*gone));
  else if (!a)
    what = fmt::format("{} touches {}, which no allocation is near", running, info->si_addr);
  else if (memory_is_open())
    what = fmt::format("{} touches byte {} of {}, far outside", running, at, name_of(*a));
  else if (!a->holds.empty())
    what = fmt::format("the host touches byte {} of {} while {} may still use it", at, name_of(*a),
                       a->holds.begin()->first);
  else
    what = fmt::format("the host touches byte {} of {}", at, name_of(*a));
  what = "simulated GPU: " + what + "\n";
  if (write(STDERR_FILENO, what.data(), what.size()) < 0) _exit(3);
  _exit(2);
}

}  // namespace

void protect(const Allocation& a, int protection) {
  mprotect(a.inner(), a.inner_bytes(), protection);
}

void catch_faults() {
  static const bool done = [] {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    return true;
  }();
  (void)done;
}

OpenMemory::OpenMemory() {
  open_depth++;
}

OpenMemory::~OpenMemory() {
  if (--open_depth > 0) return;
  for (auto& [at, a] : allocations()) {
    if (a.open && !a.is_the_hosts()) protect(a, PROT_NONE);
    a.open = false;
  }
}

bool memory_is_open() {
  return open_depth > 0;
}

DeviceWork::DeviceWork(const std::string& name) {
  running = name;
}

DeviceWork::~DeviceWork() {
  for (const auto& [at, a] : allocations())
    if (a.open || a.is_the_hosts()) check_guards(a, running);
}

void hold_pinned(const void* data, const std::string& op) {
  Allocation* const a = find(data);
  if (!a || !a->pinned) return;
  a->open = a->open || (memory_is_open() && a->is_the_hosts());
  a->holds[op]++;
  if (!memory_is_open()) protect(*a, PROT_NONE);
}

void release_pinned(const void* data) {
  Allocation* const a = find(data);
  if (!a || !a->pinned || a->holds.empty()) return;
  if (--a->holds.begin()->second == 0) a->holds.erase(a->holds.begin());
  if (a->holds.empty() && !a->open) protect(*a, PROT_READ | PROT_WRITE);
}

}  // namespace simulated
