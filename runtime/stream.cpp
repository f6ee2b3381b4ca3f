#include "runtime/stream.h"

#include "runtime/error.h"
#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#endif

namespace dae::cuda {

#ifdef DAE_HAS_CUDA

namespace {

cudaStream_t stream_of(const Stream& stream) {
  return static_cast<cudaStream_t>(stream.get());
}
cudaEvent_t event_of(const Event& event) {
  return static_cast<cudaEvent_t>(event.get());
}

}  // namespace

Stream::Stream() {
  cudaStream_t stream = nullptr;
  DAE_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  handle_ = stream;
}
Stream::~Stream() {
  if (handle_) cudaStreamDestroy(static_cast<cudaStream_t>(handle_));
}
void Stream::wait(const Event& event) const {
  DAE_CUDA_CHECK(cudaStreamWaitEvent(stream_of(*this), event_of(event), 0));
}
void Stream::synchronize() const {
  DAE_CUDA_CHECK(cudaStreamSynchronize(stream_of(*this)));
}

Event::Event() {
  cudaEvent_t event = nullptr;
  DAE_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  handle_ = event;
}
Event::~Event() {
  if (handle_) cudaEventDestroy(static_cast<cudaEvent_t>(handle_));
}
void Event::record(void* stream) const {
  DAE_CUDA_CHECK(cudaEventRecord(event_of(*this), static_cast<cudaStream_t>(stream)));
}
void Event::synchronize() const {
  DAE_CUDA_CHECK(cudaEventSynchronize(event_of(*this)));
}
bool Event::is_over() const {
  const cudaError_t status = cudaEventQuery(event_of(*this));
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // or whoever checks a launch next would take it for its error
    return false;
  }
  DAE_CUDA_CHECK(status);
  return true;
}

Graph::Graph(const Stream& stream, const std::function<void()>& enqueue) {
  // Thread-local: another thread's CUDA calls neither break the capture nor land in it.
  DAE_CUDA_CHECK(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph = nullptr;
  try {
    enqueue();
  } catch (...) {
    cudaStreamEndCapture(stream_of(stream), &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  DAE_CUDA_CHECK(cudaStreamEndCapture(stream_of(stream), &graph));
  cudaGraphExec_t exec = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  DAE_CUDA_CHECK(status);
  handle_ = exec;
}
Graph::~Graph() {
  if (handle_) cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(handle_));
}
void Graph::launch(const Stream& stream) const {
  DAE_CUDA_CHECK(cudaGraphLaunch(static_cast<cudaGraphExec_t>(get()), stream_of(stream)));
}

void copy_async(void* to, const void* from, size_t bytes, void* stream) {
  DAE_CUDA_CHECK(
      cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(stream)));
}
void clear_async(void* to, size_t bytes, void* stream) {
  DAE_CUDA_CHECK(cudaMemsetAsync(to, 0, bytes, static_cast<cudaStream_t>(stream)));
}

#else

namespace {

[[noreturn]] void fail_without_cuda() {
  fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
}

}  // namespace

Stream::Stream() {
  fail_without_cuda();
}
Stream::~Stream() = default;
void Stream::wait(const Event&) const {}
void Stream::synchronize() const {}
Event::Event() {
  fail_without_cuda();
}
Event::~Event() = default;
void Event::record(void*) const {}
void Event::synchronize() const {}
bool Event::is_over() const {
  return true;
}
Graph::Graph(const Stream&, const std::function<void()>&) {
  fail_without_cuda();
}
Graph::~Graph() = default;
void Graph::launch(const Stream&) const {}
void copy_async(void*, const void*, size_t, void*) {}
void clear_async(void*, size_t, void*) {}

#endif

}  // namespace dae::cuda
