#include "runtime/stopwatch.h"

#include "runtime/error.h"
#ifdef DAE_HAS_CUDA
#include "runtime/cuda_check.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/stream.h"
#endif

namespace dae::cuda {

#ifdef DAE_HAS_CUDA

namespace {

cudaEvent_t event_of(void* event) {
  return static_cast<cudaEvent_t>(event);
}
void* make_event() {
  cudaEvent_t event = nullptr;
  DAE_CUDA_CHECK(cudaEventCreate(&event));
  return event;
}

}  // namespace

Stopwatch::Stopwatch() : begin_(make_event()), end_(make_event()) {}
Stopwatch::~Stopwatch() {
  cudaEventDestroy(event_of(begin_));
  cudaEventDestroy(event_of(end_));
}
void Stopwatch::start(void* stream) const {
  DAE_CUDA_CHECK(cudaEventRecord(event_of(begin_), static_cast<cudaStream_t>(stream)));
}
void Stopwatch::stop(void* stream) const {
  DAE_CUDA_CHECK(cudaEventRecord(event_of(end_), static_cast<cudaStream_t>(stream)));
}
double Stopwatch::seconds() const {
  float milliseconds = 0;
  DAE_CUDA_CHECK(cudaEventSynchronize(event_of(end_)));
  DAE_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, event_of(begin_), event_of(end_)));
  return milliseconds * 1e-3;
}

void overwrite_cache(void* stream, int caches) {
  constexpr int kAtOnce = 4;
  static const Buffer memory(Device::cuda, kAtOnce * describe_gpu().l2_bytes);
  for (int done = 0; done < caches; done += kAtOnce)
    clear_async(memory.data(), memory.bytes(), stream);
}

#else

Stopwatch::Stopwatch() {
  fail("this build has no CUDA part: build it where nvcc is, or use the CPU");
}
Stopwatch::~Stopwatch() = default;
void Stopwatch::start(void*) const {}
void Stopwatch::stop(void*) const {}
double Stopwatch::seconds() const {
  return 0;
}
void overwrite_cache(void*, int) {}

#endif

}  // namespace dae::cuda
