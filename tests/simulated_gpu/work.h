// Work on the simulated GPU: what the files that queue it, run it and prove its order share.
// Operations are queued on streams and run when the schedule lets them, never before what they must
// wait for.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>

#include "tests/simulated_gpu/simulator.h"

namespace simulated {

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

struct Transfer;  // transfers.h: what GPUs give each other, which they do together

struct Operation {
  std::string name;
  CUstream_st* stream = nullptr;
  uint64_t index = 0;  // on its stream, from 1
  std::vector<std::shared_ptr<Operation>> after;
  std::function<void()> work;
  std::vector<Access> accesses;
  std::shared_ptr<Transfer> transfer;  // in place of work
  Clock clock;                         // what is over once this is
  bool done = false, copies = false;
  uint64_t enqueued_tag = 0, done_tag = 0;
};
using OperationPtr = std::shared_ptr<Operation>;

struct Past {
  const char *begin, *end;
  bool write;
  OperationPtr by;
};

}  // namespace simulated

struct CUevent_st {
  int device = 0;
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
    std::vector<simulated::Access> accesses;
    std::shared_ptr<simulated::Transfer> transfer;
  };
  std::vector<Node> nodes;
  std::vector<CUstream_st*> lanes;
  std::vector<std::vector<int>> pending;  // by lane: nodes that the next one waits for
  bool broken = false;
};

struct CUstream_st {
  int number = 0, device = 0;
  simulated::Clock clock;
  uint64_t count = 0;
  std::deque<simulated::OperationPtr> queue;
  simulated::OperationPtr last;
  std::vector<simulated::OperationPtr> after;  // what the next operation waits for
  std::string announced;
  std::vector<simulated::Access> accesses;
  void* identity = nullptr;  // ThreadSanitizer's
  CUgraph_st* capture = nullptr;
  int lane = -1;
};

struct CUgraphExec_st {
  CUgraph_st graph;
  std::vector<std::unique_ptr<CUstream_st>> streams;  // one for each lane
};

namespace simulated {

struct DeviceState {
  CUstream_st null_stream;
  // Of a GPU that breaks: with which error, after how much more work, and whether it has.
  cudaError_t breaks_with = cudaSuccess;
  uint64_t works_left = 0;
  bool broken = false;
};

struct State {
  std::array<DeviceState, kMostDevices> devices;
  int device_count = 1;
  int nccl_result = 0;
  std::vector<CUstream_st*> streams;
  std::vector<cudaGraphExec_t> graphs;
  int numbers = kMostDevices;  // of streams; the first are the null streams
  Clock host;                  // what any thread has seen: no two use the same memory
  std::vector<Past> history;
  std::vector<std::string> findings;
  uint64_t resources = 0;
  std::mt19937_64 bits;  // of the random schedule
  uint64_t seeded = 0;
};
State& state();

// What the runtime knows of the calling thread.
struct HostThread {
  int device = 0;
  cudaError_t last_error = cudaSuccess;
  CUgraph_st* capture = nullptr;
};
HostThread& this_host_thread();

void prepare(CUstream_st& stream);
// After the host has waited for it.
void leave(CUstream_st& stream);
// The stream of a handle, the null stream's included; none when there is no such stream.
CUstream_st* resolve(cudaStream_t stream);
// Whether it is the current device's; if not, that is reported and the calling thread's error.
bool is_here(const CUstream_st& stream, const std::string& call);

// work.cpp: puts work on a stream, or into the graph that it is captured in, and lets run what the
// schedule lets.
void enqueue(CUstream_st& stream, const std::string& name, std::vector<Access> accesses,
             std::function<void()> work, const std::shared_ptr<Transfer>& transfer = nullptr);
// Whether its device breaks when it comes to the operation.
bool breaks_at(const Operation& operation);
// False where a transfer is in the way that another GPU has not come to.
bool run_front(CUstream_st& stream);
bool run_until(CUstream_st& stream, const Operation& last);
// The host waits for it.
void wait_until(CUstream_st& stream, const Operation& last);
// Those at the stream's front that need not wait for work that has not run.
void run_ready_copies(CUstream_st& stream);
// The host waits for all that is on the stream.
void wait_for(CUstream_st& stream);
// The device breaks: whatever was enqueued is over without having run, and nobody waits for it any more.
void drop_all_work(int device);

// turns.cpp: something was enqueued or is over, for which another thread may be waiting.
void something_changed();
// Waits for that; false where no thread is left that could bring what `stuck` waits for.
bool wait_for_change();

// order.cpp: reports what the operation touches that nothing orders after what was there before.
void check_order(const OperationPtr& operation);
// The host knows now that `operation` is over.
void host_saw(const Operation& operation);
void forget_history(int device);

// graphs.cpp: work on the stream is captured into the graph from here on.
void join_capture(CUstream_st& stream, CUgraph_st& graph);
int last_node(const CUgraph_st& graph, int lane);  // -1: none

}  // namespace simulated
