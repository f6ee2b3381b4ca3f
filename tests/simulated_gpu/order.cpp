// The proof that work is ordered: vector clocks over streams and the host, against what each
// operation says it touches, so that a missing wait is found in any schedule.
#include <fmt/format.h>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/work.h"

namespace simulated {

void check_order(const OperationPtr& operation) {
  State& s = state();
  for (const Access& access : operation->accesses) {
    const char *const begin = static_cast<const char*>(access.data), *const end =
                                                                         begin + access.bytes;
    if (is_freed(begin))
      report(fmt::format("{} (stream {}) {} {}, which was freed", operation->name,
                         operation->stream->number, access.write ? "writes" : "reads",
                         describe_address(begin)));
    else if (!is_device_memory(begin, access.bytes) && !is_pinned_memory(begin, access.bytes))
      report(fmt::format("{} (stream {}) {} {}, which a GPU cannot reach", operation->name,
                         operation->stream->number, access.write ? "writes" : "reads",
                         describe_address(begin)));
    if (const int owner = device_of(begin); owner >= 0 && owner != operation->stream->device)
      report(fmt::format("{} (stream {}) of device {} {} {}, which is device {}'s", operation->name,
                         operation->stream->number, operation->stream->device,
                         access.write ? "writes" : "reads", describe_address(begin), owner));
    for (const Past& past : s.history) {
      if (past.by == operation || begin >= past.end || past.begin >= end) continue;
      if (!access.write && !past.write) continue;
      if (operation->clock.at(past.by->stream->number) >= past.by->index) continue;
      report(fmt::format(
          "nothing orders {} (stream {}), which {} {}, after {} (stream {}), which {} it",
          operation->name, operation->stream->number, access.write ? "writes" : "reads",
          describe_address(std::max(begin, past.begin)), past.by->name, past.by->stream->number,
          past.write ? "writes" : "reads"));
      break;
    }
  }
  for (const Access& access : operation->accesses) {
    const char *const begin = static_cast<const char*>(access.data), *const end =
                                                                         begin + access.bytes;
    // What a later write covers needs no record of its own: whoever is ordered after the write is
    // ordered after this.
    std::erase_if(s.history, [&](const Past& past) {
      const bool covered = past.begin >= begin && past.end <= end && past.by != operation &&
                           (access.write || (!past.write && past.by->stream == operation->stream));
      if (covered) release_pinned(past.begin);
      return covered;
    });
    s.history.push_back({begin, end, access.write, operation});
  }
}

void host_saw(const Operation& operation) {
  State& s = state();
  s.host.merge(operation.clock);
  acquire(const_cast<uint64_t*>(&operation.done_tag));
  std::erase_if(s.history, [&](const Past& past) {
    if (s.host.at(past.by->stream->number) < past.by->index) return false;
    release_pinned(past.begin);
    return true;
  });
}

void forget_history(int device) {
  std::erase_if(state().history, [&](const Past& past) {
    if (past.by->stream->device != device) return false;
    release_pinned(past.begin);
    return true;
  });
}

void forget(const void* data, size_t bytes) {
  const auto* const begin = static_cast<const char*>(data);
  std::erase_if(state().history,
                [&](const Past& past) { return past.begin < begin + bytes && begin < past.end; });
}

}  // namespace simulated
