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

}  // namespace dae::cuda
