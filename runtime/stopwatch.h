// Time between two points of a stream, by the GPU's own clock (CUDA events). In a build without
// CUDA making one throws Error. Not copyable.
#pragma once

namespace dae::cuda {

class Stopwatch {
 public:
  Stopwatch();
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  // `stream` as in Queue. What is enqueued between the two is timed, and nothing else: where the
  // GPU has run dry before start(), the time that the host takes to enqueue is in it too.
  void start(void* stream) const;
  void stop(void* stream) const;

  double seconds() const;  // the host waits until the work is over

 private:
  void* begin_ = nullptr;  // cudaEvent_t
  void* end_ = nullptr;
};

// Overwrites memory at least `caches` times as large as the GPU's L2 cache, on `stream`, so that
// what is timed next finds cold caches, and a busy GPU: the host can enqueue it meanwhile, and no
// launch's cost is in its time. Four, which stay allocated, take about 0.1 ms.
void overwrite_cache(void* stream, int caches);

}  // namespace dae::cuda
