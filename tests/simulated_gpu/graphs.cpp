// Graphs: work is captured with what it waits for, and replayed on streams of the graph's own.
#include "tests/simulated_gpu/transfers.h"

namespace simulated {

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

bool capturing() {
  return this_host_thread().capture != nullptr;
}

}  // namespace simulated

using namespace simulated;

// In the other modes a capture is broken by what other threads call: here each thread has captures of its own, so that
// only such are simulated.
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Turn turn;
  if (broken()) return failure();
  if (mode != cudaStreamCaptureModeThreadLocal) return set_error(cudaErrorInvalidValue);
  CUstream_st* const on = resolve(stream);
  if (!on || !stream || capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (!is_here(*on, "cudaStreamBeginCapture")) return cudaErrorInvalidResourceHandle;
  auto* const graph = new CUgraph_st;
  this_host_thread().capture = graph;
  join_capture(*on, *graph);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Turn turn;
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
  this_host_thread().capture = nullptr;
  if (broken || unjoined) {
    delete captured;
    return set_error(broken ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined);
  }
  *graph = captured;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  const Turn turn;
  if (broken()) return failure();
  if (!graph) return set_error(cudaErrorInvalidValue);
  count_resource();
  *exec = new CUgraphExec_st;
  state().graphs.push_back(*exec);
  (*exec)->graph = *graph;
  for (size_t i = 0; i < graph->lanes.size(); i++) {
    (*exec)->streams.push_back(std::make_unique<CUstream_st>());
    prepare(*(*exec)->streams.back());
  }
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Turn turn;
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  const Turn turn;
  if (!exec) return set_error(cudaErrorInvalidValue);
  std::erase(state().graphs, exec);
  for (const auto& stream : exec->streams)
    if (stream->last && !run_until(*stream, *stream->last)) {
      // It goes when its work is over, for which the real call does not wait either.
      static auto& kept = *new std::vector<cudaGraphExec_t>;
      kept.push_back(exec);
      return cudaSuccess;
    }
  cudaDeviceSynchronize();
  for (const auto& stream : exec->streams) leave(*stream);
  delete exec;
  return cudaSuccess;
}
// A replay is the captured work on streams of its own, after what the stream had before and before
// what it gets next.
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Turn turn;
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!exec || !on || on->capture) return set_error(cudaErrorInvalidResourceHandle);
  if (!is_here(*on, "cudaGraphLaunch")) return cudaErrorInvalidResourceHandle;
  const OpenMemory open;
  enqueue(*on, "graph launch", {}, {});
  const OperationPtr before = on->last;
  for (const auto& lane : exec->streams) lane->after.push_back(before);
  std::vector<OperationPtr> operations;
  for (const CUgraph_st::Node& node : exec->graph.nodes) {
    CUstream_st& lane = *exec->streams[static_cast<size_t>(node.lane)];
    for (const int earlier : node.after)
      lane.after.push_back(operations[static_cast<size_t>(earlier)]);
    enqueue(lane, node.name, node.accesses, node.work,
            node.transfer ? another(*node.transfer) : nullptr);
    operations.push_back(lane.last);
  }
  for (const auto& lane : exec->streams) {
    lane->after.clear();
    if (lane->last && lane->last != before) on->after.push_back(lane->last);
  }
  enqueue(*on, "graph end", {}, {});
  return failure();
}
