// Streams, events, copies and graphs. Work is queued and runs when the schedule lets it, never
// before what it must wait for. Two proofs run beside it: vector clocks over streams and the host,
// against what each operation says it touches, so that a missing wait is found in any schedule; and
// the edges that ThreadSanitizer is told, so that it finds the same from what kernels really touch.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "tests/simulated_gpu/sanitizers.h"
#include "tests/simulated_gpu/simulator.h"

namespace simulated {
namespace {

// What is known to be over: by stream, the number of its operations.
class Clock {
 public:
  uint64_t at(int stream) const {
    const auto found = over_.find(stream);
    return found == over_.end() ? 0 : found->second;
  }
  void set(int stream, uint64_t count) { over_[stream] = std::max(at(stream), count); }
  void merge(const Clock& other) {
    for (const auto& [stream, count] : other.over_) set(stream, count);
  }

 private:
  std::map<int, uint64_t> over_;
};

struct Operation {
  std::string name;
  CUstream_st* stream = nullptr;
  uint64_t index = 0;  // on its stream, from 1
  std::vector<std::shared_ptr<Operation>> after;
  std::function<void()> work;
  std::vector<Access> accesses;
  Clock clock;  // what is over once this is
  bool done = false, copies = false;
  uint64_t enqueued_tag = 0, done_tag = 0;
};
using OperationPtr = std::shared_ptr<Operation>;

struct Past {
  const char *begin, *end;
  bool write;
  OperationPtr by;
};

}  // namespace
}  // namespace simulated

using simulated::Access;

struct CUevent_st {
  simulated::OperationPtr last;  // none: never recorded, or on a stream without work
  bool recorded = false;
  bool timing = true;
  // In a capture: the place in the graph instead.
  CUgraph_st* graph = nullptr;
  int lane = -1, node = -1;
};

// Work that was captured: lanes are the streams it was captured on.
struct CUgraph_st {
  struct Node {
    int lane = 0;
    std::vector<int> after;  // nodes of other lanes
    std::string name;
    std::function<void()> work;
    std::vector<Access> accesses;
  };
  std::vector<Node> nodes;
  std::vector<CUstream_st*> lanes;
  std::vector<std::vector<int>> pending;  // by lane: nodes that the next one waits for
  bool broken = false;
};

struct CUstream_st {
  int number = 0;
  simulated::Clock clock;
  uint64_t count = 0;
  std::deque<simulated::OperationPtr> queue;
  simulated::OperationPtr last;
  std::vector<simulated::OperationPtr> after;  // what the next operation waits for
  std::string announced;
  std::vector<Access> accesses;
  void* identity = nullptr;  // ThreadSanitizer's
  CUgraph_st* capture = nullptr;
  int lane = -1;
};

struct CUgraphExec_st {
  CUgraph_st graph;
  std::vector<std::unique_ptr<CUstream_st>> streams;  // one for each lane
};

namespace simulated {
namespace {

struct State {
  std::vector<CUstream_st*> streams;
  CUstream_st null_stream;
  int numbers = 0;
  Clock host;
  std::vector<Past> history;
  std::vector<std::string> findings;
  cudaError_t last_error = cudaSuccess;
  // Of a GPU that breaks: with which error, after how much more work, and whether it has.
  cudaError_t breaks_with = cudaSuccess;
  uint64_t works_left = 0, resources = 0;
  bool broken = false;
  CUgraph_st* capture = nullptr;
  std::mt19937_64 bits;  // of the random schedule
  uint64_t seeded = 0;
};
State& state() {
  static State* const the = [] {
    auto* const made = new State;  // outlives every static that frees memory
    made->streams.push_back(&made->null_stream);
    return made;
  }();
  return *the;
}

void prepare(CUstream_st& stream) {
  stream.number = state().numbers++;
  stream.identity = create_identity();
  state().streams.push_back(&stream);
}

CUstream_st* resolve(cudaStream_t stream) {
  State& s = state();
  if (!s.null_stream.identity && kTsan) s.null_stream.identity = create_identity();
  if (!stream) return &s.null_stream;
  return std::find(s.streams.begin(), s.streams.end(), stream) == s.streams.end() ? nullptr
                                                                                  : stream;
}

// --- Running ----------------------------------------------------------------------------------

void run_until(CUstream_st& stream, const Operation& last);

// Whatever was enqueued is over without having run, and nobody waits for anything any more.
void drop_all_work() {
  State& s = state();
  for (CUstream_st* const stream : s.streams) {
    for (const OperationPtr& operation : stream->queue) operation->done = true;
    stream->queue.clear();
    stream->after.clear();
    stream->last.reset();
  }
  for (const Past& past : s.history) release_pinned(past.begin);
  s.history.clear();
}

void run_front(CUstream_st& stream) {
  const Unseen bookkeeping;
  const OperationPtr operation = stream.queue.front();
  for (const OperationPtr& earlier : operation->after)
    if (!earlier->done) run_until(*earlier->stream, *earlier);
  if (operation->done) return;  // ran as something that `after` needed
  if (State& s = state(); operation->work && s.breaks_with != cudaSuccess && s.works_left-- == 0) {
    s.broken = true;
    drop_all_work();
    return;
  }
  stream.queue.pop_front();
  {
    const DeviceWork open(operation->name);
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
}

void run_until(CUstream_st& stream, const Operation& last) {
  while (!last.done) run_front(stream);
}

void run_all() {
  State& s = state();
  // Not in the order of creation: nothing may depend on it.
  for (size_t i = s.streams.size(); i-- > 0;)
    while (!s.streams[i]->queue.empty()) run_front(*s.streams[i]);
}

// Those at the stream's front that need not wait for work that has not run.
void run_ready_copies(CUstream_st& stream) {
  while (!stream.queue.empty()) {
    const Operation& front = *stream.queue.front();
    const bool ready = std::all_of(front.after.begin(), front.after.end(),
                                   [](const OperationPtr& earlier) { return earlier->done; });
    if (!ready || (front.work && !front.copies)) return;
    run_front(stream);
  }
}

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

// --- Proving ----------------------------------------------------------------------------------

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

// The host knows now that `operation` is over.
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

// --- Enqueuing --------------------------------------------------------------------------------

void enqueue(CUstream_st& stream, const std::string& name, std::vector<Access> accesses,
             std::function<void()> work, bool capture_allowed = true) {
  State& s = state();
  if (s.broken) return;
  if (CUgraph_st* const graph = stream.capture; graph && capture_allowed) {
    graph->nodes.push_back({stream.lane, graph->pending[static_cast<size_t>(stream.lane)], name,
                            std::move(work), std::move(accesses)});
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
    run_until(stream, *last);
    host_saw(*last);
  }
  const std::vector<OperationPtr> after = stream.after;  // which is emptied if the GPU breaks
  for (const OperationPtr& earlier : after) {            // waits with nothing behind them
    run_until(*earlier->stream, *earlier);
    host_saw(*earlier);
  }
}

// The memory a copy names must exist. Pageable host memory is for blocking copies only.
bool check_copied(const void* data, size_t bytes, bool blocking, const char* call) {
  if (is_device_memory(data, bytes) || is_pinned_memory(data, bytes)) return true;
  if (!blocking)
    report(
        fmt::format("{}: {} bytes at {} are neither device nor pinned memory: the copy would not "
                    "be asynchronous",
                    call, bytes, data));
  return false;
}

// A blocking copy is over when it returns only where CUDA promises that (its "API synchronization
// behavior"): to the host, and from pinned memory. From pageable memory it returns once the bytes
// are staged, within the device at once; what comes after on other streams must wait for the null
// stream.
cudaError_t copy(void* to, const void* from, size_t bytes, CUstream_st* stream, bool blocking) {
  if (broken()) return failure();
  if (!stream) return set_error(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!to || !from) return set_error(cudaErrorInvalidValue);
  if (blocking && capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  const char* const name = blocking ? "cudaMemcpy" : "cudaMemcpyAsync";
  std::vector<Access> accesses;
  const bool from_host = !check_copied(from, bytes, blocking, name);
  if (!from_host) accesses.push_back({from, bytes, false});
  if (check_copied(to, bytes, blocking, name)) accesses.push_back({to, bytes, true});
  std::function<void()> work = [=] { std::memcpy(to, from, bytes); };
  const bool to_device = is_device_memory(to, bytes);
  const bool staged = blocking && to_device && from_host;
  if (staged) {
    wait_for(*stream);
    const auto* const begin = static_cast<const char*>(from);
    work = [to, bytes = std::vector<char>(begin, begin + bytes)] {
      std::memcpy(to, bytes.data(), bytes.size());
    };
  }
  enqueue(*stream, stream->announced.empty() || blocking ? name : stream->announced + " (copy)",
          std::move(accesses), std::move(work));
  if (!stream->capture && !stream->queue.empty()) stream->queue.back()->copies = true;
  if (!blocking) {
    if (settings().schedule == Schedule::copies_first) run_ready_copies(*stream);
  } else if (!staged && !(to_device && is_device_memory(from, bytes))) {
    wait_for(*stream);
  }
  return failure();
}

cudaError_t fill(void* to, int value, size_t bytes, CUstream_st* stream, const char* name) {
  if (broken()) return failure();
  if (!stream) return set_error(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  check_copied(to, bytes, false, name);
  enqueue(*stream, name, {{to, bytes, true}}, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

void join_capture(CUstream_st& stream, CUgraph_st& graph) {
  stream.capture = &graph;
  stream.lane = static_cast<int>(graph.lanes.size());
  graph.lanes.push_back(&stream);
  graph.pending.emplace_back();
}

int last_node(const CUgraph_st& graph, int lane) {
  for (size_t i = graph.nodes.size(); i-- > 0;)
    if (graph.nodes[i].lane == lane) return static_cast<int>(i);
  return -1;
}

}  // namespace

void report(const std::string& finding) {
  if (state().findings.size() < 20) state().findings.push_back(finding);
}
std::vector<std::string> take_findings() {
  return std::exchange(state().findings, {});
}
cudaError_t set_error(cudaError_t error) {
  return state().last_error = error;
}
cudaError_t failure() {
  return state().broken ? set_error(state().breaks_with) : cudaSuccess;
}
bool broken() {
  return state().broken;
}
void fail_after(uint64_t operations, cudaError_t error) {
  state().works_left = operations;
  state().breaks_with = error;
}
void mend() {
  drop_all_work();
  state().broken = false;
  state().breaks_with = state().last_error = cudaSuccess;
}
void count_resource() {
  state().resources++;
}
uint64_t resources_made() {
  return state().resources;
}
bool capturing() {
  return state().capture != nullptr;
}
void forget(const void* data, size_t bytes) {
  const auto* const begin = static_cast<const char*>(data);
  std::erase_if(state().history,
                [&](const Past& past) { return past.begin < begin + bytes && begin < past.end; });
}

void announce(cudaStream_t stream, const std::string& name, std::vector<Access> accesses) {
  CUstream_st* const on = resolve(stream);
  on->announced = name;
  on->accesses = std::move(accesses);
}

void launch(const char* op, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            std::function<void()> body) {
  const Unseen bookkeeping;
  if (broken()) return;
  CUstream_st* const on = resolve(stream);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (!on) {
    set_error(cudaErrorInvalidResourceHandle);
  } else if (threads == 0 || threads > 1024 || block.z > 64 || grid.x > 0x7fffffffu ||
             grid.y > 65535 || grid.z > 65535) {
    set_error(cudaErrorInvalidConfiguration);
  } else if (shared_bytes > 48 << 10) {
    set_error(cudaErrorInvalidValue);
  } else {
    const std::string name = on->announced.empty() ? op : on->announced + " (" + op + ")";
    enqueue(*on, name, on->accesses, [=, body = std::move(body), op = std::string(op)] {
      run_kernel(op.c_str(), grid, block, shared_bytes, body);
    });
  }
}

void enqueue_library_call(const std::string& name, cudaStream_t stream,
                          std::function<void()> work) {
  const Unseen bookkeeping;
  CUstream_st* const on = resolve(stream);
  if (!on) {
    report(fmt::format("{} on a stream that does not exist", name));
    return;
  }
  enqueue(*on, on->announced.empty() ? name : on->announced + " (" + name + ")", on->accesses,
          std::move(work));
}

}  // namespace simulated

using namespace simulated;

// --- The runtime's functions ------------------------------------------------------------------

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorECCUncorrectable:
      return "uncorrectable ECC error encountered";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
      break;  // real ones that nothing here makes
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined:
      return "capturing stream has unjoined work";
  }
  return "unknown error";
}
cudaError_t cudaPeekAtLastError() {
  return state().last_error;
}
cudaError_t cudaGetLastError() {
  if (broken()) return failure();
  return std::exchange(state().last_error, cudaSuccess);
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return set_error(cudaErrorInvalidValue);
  *properties = {"simulated GPU", 16 << 10};
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

// From the pool: memory is there for what the stream does next and, by an event or a host wait, for
// others; freeing it is a write, so whoever uses it must come before.
cudaError_t cudaMallocAsync(void** data, size_t bytes, cudaStream_t stream) {
  CUstream_st* const on = resolve(stream);
  if (!on) return set_error(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = allocate_from_pool(data, bytes); error != cudaSuccess) return error;
  if (*data) enqueue(*on, "cudaMallocAsync", {{*data, bytes, true}}, {});
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  CUstream_st* const on = resolve(stream);
  if (!on) return set_error(cudaErrorInvalidResourceHandle);
  if (!data) return cudaSuccess;
  if (capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  const size_t bytes = pool_allocation_bytes(data);
  if (bytes == 0) return set_error(cudaErrorInvalidValue);
  if (broken()) {
    return_to_pool(data);
    return failure();
  }
  enqueue(*on, "cudaFreeAsync", {{data, bytes, true}}, [=] { return_to_pool(data); });
  if (pool_allocation_bytes(data) > 0) mark_freed(data);  // else it has run already
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  return copy(to, from, bytes, resolve(nullptr), true);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return copy(to, from, bytes, resolve(stream), false);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return fill(to, value, bytes, resolve(nullptr), "cudaMemset");
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return fill(to, value, bytes, resolve(stream), "cudaMemsetAsync");
}

// The null stream waits for the others and they for it unless they are made so that they do not:
// only such streams are simulated, since a program that leans on that rule hides its order.
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (broken()) return failure();
  if (flags != cudaStreamNonBlocking) return set_error(cudaErrorInvalidValue);
  resolve(nullptr);
  if (state().numbers == 0) state().numbers = 1;  // 0 is the null stream
  count_resource();
  *stream = new CUstream_st;
  prepare(**stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  CUstream_st* const on = resolve(stream);
  if (!on || !stream) return set_error(cudaErrorInvalidResourceHandle);
  while (!on->queue.empty()) run_front(*on);
  cudaDeviceSynchronize();
  std::erase(state().streams, on);
  delete on;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on) return set_error(cudaErrorInvalidResourceHandle);
  if (on->capture) {
    on->capture->broken = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  wait_for(*on);
  return failure();
}
cudaError_t cudaDeviceSynchronize() {
  if (broken()) return failure();
  if (capturing()) {
    state().capture->broken = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  run_all();
  for (CUstream_st* const stream : state().streams) wait_for(*stream);
  return failure();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on || !event) return set_error(cudaErrorInvalidResourceHandle);
  if (event->graph) {
    CUgraph_st& graph = *event->graph;
    if (&graph != state().capture) return set_error(cudaErrorInvalidValue);
    if (!on->capture) join_capture(*on, graph);
    if (event->node >= 0 && event->lane != on->lane)
      graph.pending[static_cast<size_t>(on->lane)].push_back(event->node);
    return cudaSuccess;
  }
  if (on->capture) {
    on->capture->broken = true;  // a graph cannot wait for what is outside it
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  if (event->last && event->last->stream != on) on->after.push_back(event->last);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (broken()) return failure();
  count_resource();
  *event = new CUevent_st;
  (*event)->timing = flags != cudaEventDisableTiming;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on || !event) return set_error(cudaErrorInvalidResourceHandle);
  event->graph = on->capture;
  event->recorded = true;
  if (on->capture) {
    CUgraph_st& graph = *on->capture;
    // What this lane waits for already is part of what the event stands for.
    if (!graph.pending[static_cast<size_t>(on->lane)].empty()) enqueue(*on, "join", {}, {});
    event->lane = on->lane;
    event->node = last_node(graph, on->lane);
    return cudaSuccess;
  }
  if (!on->after.empty()) enqueue(*on, "join", {}, {});
  event->last = on->last;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (broken()) return failure();
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  if (capturing() || event->graph) return set_error(cudaErrorStreamCaptureUnsupported);
  if (!event->last) return cudaSuccess;
  run_until(*event->last->stream, *event->last);
  host_saw(*event->last);
  return failure();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (broken()) return failure();
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  if (event->last && !event->last->done) return cudaErrorNotReady;
  if (event->last) host_saw(*event->last);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (broken()) return failure();
  for (const cudaEvent_t event : {begin, end}) {
    if (!event || !event->timing || !event->recorded)
      return set_error(cudaErrorInvalidResourceHandle);
    if (event->last && !event->last->done) return set_error(cudaErrorNotReady);
  }
  *milliseconds = 1e-3f;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on || !stream || capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  auto* const graph = new CUgraph_st;
  state().capture = graph;
  join_capture(*on, *graph);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  CUstream_st* const on = resolve(stream);
  *graph = nullptr;
  if (!on || !on->capture || on->lane != 0) return set_error(cudaErrorStreamCaptureUnsupported);
  CUgraph_st* const captured = on->capture;
  // Every lane's last work must come before the end of the first lane.
  std::vector<int> open;
  for (int lane = 1; lane < static_cast<int>(captured->lanes.size()); lane++)
    if (const int last = last_node(*captured, lane); last >= 0) open.push_back(last);
  std::vector<int> reach = captured->pending[0];
  if (const int last = last_node(*captured, 0); last >= 0) reach.push_back(last);
  std::vector<bool> joined(captured->nodes.size());
  while (!reach.empty()) {
    const int node = reach.back();
    reach.pop_back();
    if (joined[static_cast<size_t>(node)]) continue;
    joined[static_cast<size_t>(node)] = true;
    const CUgraph_st::Node& n = captured->nodes[static_cast<size_t>(node)];
    reach.insert(reach.end(), n.after.begin(), n.after.end());
    for (int i = node - 1; i >= 0; i--)
      if (captured->nodes[static_cast<size_t>(i)].lane == n.lane) {
        reach.push_back(i);
        break;
      }
  }
  const bool unjoined = std::any_of(open.begin(), open.end(),
                                    [&](int node) { return !joined[static_cast<size_t>(node)]; });
  const bool broken = captured->broken;
  for (CUstream_st* const lane : captured->lanes) {
    lane->capture = nullptr;
    lane->lane = -1;
  }
  state().capture = nullptr;
  if (broken || unjoined) {
    delete captured;
    return set_error(broken ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined);
  }
  *graph = captured;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (broken()) return failure();
  if (!graph) return set_error(cudaErrorInvalidValue);
  count_resource();
  *exec = new CUgraphExec_st;
  (*exec)->graph = *graph;
  for (size_t i = 0; i < graph->lanes.size(); i++) {
    (*exec)->streams.push_back(std::make_unique<CUstream_st>());
    prepare(*(*exec)->streams.back());
  }
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  if (!exec) return set_error(cudaErrorInvalidValue);
  cudaDeviceSynchronize();
  for (const auto& stream : exec->streams) std::erase(state().streams, stream.get());
  delete exec;
  return cudaSuccess;
}
// A replay is the captured work on streams of its own, after what the stream had before and before
// what it gets next.
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!exec || !on || on->capture) return set_error(cudaErrorInvalidResourceHandle);
  enqueue(*on, "graph launch", {}, {});
  const OperationPtr before = on->last;
  for (const auto& lane : exec->streams) lane->after.push_back(before);
  std::vector<OperationPtr> operations;
  for (const CUgraph_st::Node& node : exec->graph.nodes) {
    CUstream_st& lane = *exec->streams[static_cast<size_t>(node.lane)];
    for (const int earlier : node.after)
      lane.after.push_back(operations[static_cast<size_t>(earlier)]);
    enqueue(lane, node.name, node.accesses, node.work);
    operations.push_back(lane.last);
  }
  for (const auto& lane : exec->streams) {
    lane->after.clear();
    if (lane->last && lane->last != before) on->after.push_back(lane->last);
  }
  enqueue(*on, "graph end", {}, {});
  return failure();
}
