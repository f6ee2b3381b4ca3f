// The simulated GPU's side of runtime/trace.h: a step's declared reads and writes become what the
// work it enqueues is known to touch.
#include "runtime/trace.h"

#include "tests/simulated_gpu/simulator.h"

namespace dae::trace {

void begin_step(const Step& step, const TensorTable& tensors, const Queue& q) {
  if (q.device != Device::cuda) return;
  std::vector<simulated::Access> accesses;
  const auto note = [&](const std::vector<TensorId>& ids, bool write) {
    for (const TensorId id : ids)
      if (tensors[id].bytes() > 0)
        accesses.push_back({tensors[id].data, tensors[id].bytes(), write});
  };
  note(step.reads, false);
  note(step.writes, true);
  note(step.scratch, true);
  simulated::announce(static_cast<cudaStream_t>(q.stream), step.op + " of " + step.name,
                      std::move(accesses));
}

void end_step(const Queue& q) {
  if (q.device == Device::cuda) simulated::announce(static_cast<cudaStream_t>(q.stream), "", {});
}

Profiled::Profiled() = default;
Profiled::~Profiled() = default;

}  // namespace dae::trace
