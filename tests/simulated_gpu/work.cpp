// Work is queued on streams and runs when the schedule lets it, never before what it must wait for.
// What runs is told to ThreadSanitizer as a thread of its stream's, with the edges that streams,
// events and the host's waits make.
#include "tests/simulated_gpu/work.h"

#include <fmt/format.h>

#include <utility>

#include "tests/simulated_gpu/block.h"
#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/transfers.h"

namespace simulated {

State& state() {
  static State* const the = [] {
    auto* const made = new State;  // outlives every static that frees memory
    for (int i = 0; i < kMostDevices; i++) {
      CUstream_st& null_stream = made->devices[static_cast<size_t>(i)].null_stream;
      null_stream.number = null_stream.device = i;
      made->streams.push_back(&null_stream);
    }
    return made;
  }();
  return *the;
}

HostThread& this_host_thread() {
  static thread_local HostThread the;
  return the;
}

void prepare(CUstream_st& stream) {
  stream.number = state().numbers++;
  stream.device = current_device();
  stream.identity = identity_for_stream();
  state().streams.push_back(&stream);
}

void leave(CUstream_st& stream) {
  std::erase(state().streams, &stream);
  if (!broken() && stream.last) pass_on(stream.identity);
}

CUstream_st* resolve(cudaStream_t stream) {
  State& s = state();
  CUstream_st& null_stream = s.devices[static_cast<size_t>(current_device())].null_stream;
  if (!null_stream.identity && kTsan) null_stream.identity = identity_for_stream();
  if (!stream) return &null_stream;
  return std::find(s.streams.begin(), s.streams.end(), stream) == s.streams.end() ? nullptr
                                                                                  : stream;
}

bool is_here(const CUstream_st& stream, const std::string& call) {
  if (stream.device == current_device()) return true;
  report(fmt::format("{} on stream {}, which is of device {}, while {} is the current one", call,
                     stream.number, stream.device, current_device()));
  set_error(cudaErrorInvalidResourceHandle);
  return false;
}

// --- Running ----------------------------------------------------------------------------------

void drop_all_work(int device) {
  for (CUstream_st* const stream : state().streams) {
    if (stream->device != device) continue;
    for (const OperationPtr& operation : stream->queue) operation->done = true;
    stream->queue.clear();
    stream->after.clear();
    stream->last.reset();
  }
  forget_history(device);
}

bool breaks_at(const Operation& operation) {
  const int device = operation.stream->device;
  DeviceState& d = state().devices[static_cast<size_t>(device)];
  if (d.breaks_with == cudaSuccess || d.works_left-- > 0) return false;
  d.broken = true;
  drop_all_work(device);
  something_changed();
  return true;
}

bool run_front(CUstream_st& stream) {
  const Unseen bookkeeping;
  const OperationPtr operation = stream.queue.front();
  for (const OperationPtr& earlier : operation->after)
    if (!earlier->done && !run_until(*earlier->stream, *earlier)) return false;
  if (operation->done) return true;  // ran as something that `after` needed
  if (operation->transfer) return come_together(operation);
  if (operation->work && breaks_at(*operation)) return true;
  stream.queue.pop_front();
  {
    const DeviceWork work(operation->name);
    void* const host = current_identity();
    become(stream.identity);
    acquire(&operation->enqueued_tag);
    for (const OperationPtr& earlier : operation->after) acquire(&earlier->done_tag);
    if (operation->work) operation->work();
    release(&operation->done_tag);
    become(host);
  }
  operation->done = true;
  operation->work = nullptr;
  return true;
}

bool run_until(CUstream_st& stream, const Operation& last) {
  const OpenMemory open;
  while (!last.done)
    if (!run_front(stream)) return false;
  return true;
}

void wait_until(CUstream_st& stream, const Operation& last) {
  while (!run_until(stream, last))
    if (!wait_for_change()) {
      // As a driver's watchdog would: whoever waits gets an error.
      DeviceState& d = state().devices[static_cast<size_t>(stream.device)];
      d.breaks_with = cudaErrorLaunchTimeout;
      d.broken = true;
      drop_all_work(stream.device);
      something_changed();
    }
}

void run_ready_copies(CUstream_st& stream) {
  while (!stream.queue.empty()) {
    const Operation& front = *stream.queue.front();
    const bool ready = std::all_of(front.after.begin(), front.after.end(),
                                   [](const OperationPtr& earlier) { return earlier->done; });
    if (!ready || (front.work && !front.copies) || front.transfer) return;
    run_front(stream);
  }
}

// --- Enqueuing --------------------------------------------------------------------------------

namespace {

void let_some_run() {
  State& s = state();
  if (s.seeded != settings().seed) {
    s.seeded = settings().seed;
    s.bits.seed(s.seeded);
  }
  for (int tries = static_cast<int>(s.bits() % 4); tries > 0; tries--) {
    CUstream_st& stream = *s.streams[s.bits() % s.streams.size()];
    if (!stream.queue.empty()) run_front(stream);
  }
}

}  // namespace

void enqueue(CUstream_st& stream, const std::string& name, std::vector<Access> accesses,
             std::function<void()> work, const std::shared_ptr<Transfer>& transfer) {
  State& s = state();
  if (s.devices[static_cast<size_t>(stream.device)].broken) return;
  if (CUgraph_st* const graph = stream.capture; graph) {
    graph->nodes.push_back({stream.lane, graph->pending[static_cast<size_t>(stream.lane)], name,
                            std::move(work), std::move(accesses), transfer});
    graph->pending[static_cast<size_t>(stream.lane)].clear();
    return;
  }
  auto operation = std::make_shared<Operation>();
  operation->name = name;
  operation->stream = &stream;
  operation->index = ++stream.count;
  operation->after = std::move(stream.after);
  stream.after.clear();
  operation->work = std::move(work);
  operation->transfer = transfer;
  operation->accesses = std::move(accesses);
  stream.clock.merge(s.host);
  for (const OperationPtr& earlier : operation->after) stream.clock.merge(earlier->clock);
  stream.clock.set(stream.number, operation->index);
  operation->clock = stream.clock;
  release(&operation->enqueued_tag);
  check_order(operation);
  for (const Access& access : operation->accesses) {
    if (is_pinned_memory(access.data, access.bytes)) hold_pinned(access.data, operation->name);
  }
  stream.queue.push_back(operation);
  stream.last = operation;
  if (transfer) post(transfer, operation);
  something_changed();
  switch (settings().schedule) {
    case Schedule::eager:
      run_until(stream, *operation);
      break;
    case Schedule::latest:
    case Schedule::copies_first:
      break;
    case Schedule::random:
      let_some_run();
      break;
  }
}

void wait_for(CUstream_st& stream) {
  const OperationPtr last = stream.last;
  if (last) {
    wait_until(stream, *last);
    host_saw(*last);
  }
  const std::vector<OperationPtr> after = stream.after;  // which is emptied if the GPU breaks
  for (const OperationPtr& earlier : after) {            // waits with nothing behind them
    wait_until(*earlier->stream, *earlier);
    host_saw(*earlier);
  }
}

void announce(cudaStream_t stream, const std::string& name, std::vector<Access> accesses) {
  const Turn turn;
  CUstream_st* const on = resolve(stream);
  on->announced = name;
  on->accesses = std::move(accesses);
}

void launch(const char* op, dim3 grid, dim3 block_dim, size_t shared_bytes, cudaStream_t stream,
            std::function<void()> body) {
  const Turn turn;
  const Unseen bookkeeping;
  if (broken()) return;
  CUstream_st* const on = resolve(stream);
  const uint64_t threads = uint64_t{block_dim.x} * block_dim.y * block_dim.z;
  if (!on) {
    set_error(cudaErrorInvalidResourceHandle);
  } else if (threads == 0 || threads > 1024 || block_dim.z > 64 || grid.x > 0x7fffffffu ||
             grid.y > 65535 || grid.z > 65535) {
    set_error(cudaErrorInvalidConfiguration);
  } else if (shared_bytes > kSharedMost) {
    set_error(cudaErrorInvalidValue);
  } else if (is_here(*on, op)) {
    const std::string name = on->announced.empty() ? op : on->announced + " (" + op + ")";
    enqueue(*on, name, on->accesses, [=, body = std::move(body), op = std::string(op)] {
      run_kernel(op.c_str(), grid, block_dim, shared_bytes, body);
    });
  }
}

void enqueue_library_call(const std::string& name, cudaStream_t stream,
                          std::function<void()> work) {
  const Turn turn;
  const Unseen bookkeeping;
  CUstream_st* const on = resolve(stream);
  if (!on) {
    report(fmt::format("{} on a stream that does not exist", name));
    return;
  }
  if (!is_here(*on, name)) return;
  enqueue(*on, on->announced.empty() ? name : on->announced + " (" + name + ")", on->accesses,
          std::move(work));
}

}  // namespace simulated
