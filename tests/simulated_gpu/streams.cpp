// Streams and events, as the runtime's callers see them: work.h is what is behind them.
#include <fmt/format.h>

#include "tests/simulated_gpu/work.h"

using namespace simulated;

// The null stream waits for the others and they for it unless they are made so that they do not:
// only such streams are simulated, since a program that leans on that rule hides its order.
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Turn turn;
  if (broken()) return failure();
  if (flags != cudaStreamNonBlocking) return set_error(cudaErrorInvalidValue);
  resolve(nullptr);
  count_resource();
  *stream = new CUstream_st;
  prepare(**stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Turn turn;
  CUstream_st* const on = resolve(stream);
  if (!on || !stream) return set_error(cudaErrorInvalidResourceHandle);
  wait_for(*on);
  cudaDeviceSynchronize();
  leave(*on);
  delete on;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Turn turn;
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
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Turn turn;
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on || !event) return set_error(cudaErrorInvalidResourceHandle);
  if (event->graph) {
    CUgraph_st& graph = *event->graph;
    if (&graph != this_host_thread().capture) return set_error(cudaErrorInvalidValue);
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
  const Turn turn;
  if (broken()) return failure();
  count_resource();
  *event = new CUevent_st;
  (*event)->device = current_device();
  (*event)->timing = flags != cudaEventDisableTiming;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  const Turn turn;
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Turn turn;
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Turn turn;
  if (broken()) return failure();
  CUstream_st* const on = resolve(stream);
  if (!on || !event) return set_error(cudaErrorInvalidResourceHandle);
  if (on->device != event->device) {
    report(fmt::format("cudaEventRecord: an event of device {} on stream {}, which is of device {}",
                       event->device, on->number, on->device));
    return set_error(cudaErrorInvalidResourceHandle);
  }
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
  const Turn turn;
  if (broken()) return failure();
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  if (capturing() || event->graph) return set_error(cudaErrorStreamCaptureUnsupported);
  if (!event->last) return cudaSuccess;
  const OperationPtr last = event->last;
  wait_until(*last->stream, *last);
  host_saw(*last);
  return failure();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Turn turn;
  if (broken()) return failure();
  if (!event) return set_error(cudaErrorInvalidResourceHandle);
  if (event->last && !event->last->done) {
    // Whoever asks again and again shall see it happen.
    run_until(*event->last->stream, *event->last);
    return set_error(cudaErrorNotReady);
  }
  if (event->last) host_saw(*event->last);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const Turn turn;
  if (broken()) return failure();
  for (const cudaEvent_t event : {begin, end}) {
    if (!event || !event->timing || !event->recorded)
      return set_error(cudaErrorInvalidResourceHandle);
    if (event->last && !event->last->done) return set_error(cudaErrorNotReady);
  }
  *milliseconds = 1e-3f;
  return cudaSuccess;
}
