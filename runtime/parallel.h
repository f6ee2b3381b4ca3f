// Loops over the CPU's cores. Work is cut into chunks whose bounds depend on n and `grain` alone,
// never on the number of threads: whatever is summed chunk by chunk and then combined in chunk
// order has the same bits for every --threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/rounding.h"

namespace dae {

// Calls f(begin, end) over [0, n) in chunks of `grain` elements (the last may be shorter), in
// parallel. f must not throw.
template <class F>
void parallel_chunks(int64_t n, int64_t grain, const F& f) {
  const int64_t chunks = ceil_div(n, grain);
  if (chunks <= 1) {
    if (n > 0) f(int64_t{0}, n);
    return;
  }
#pragma omp parallel for schedule(static)
  for (int64_t chunk = 0; chunk < chunks; chunk++)
    f(chunk * grain, std::min(n, (chunk + 1) * grain));
}

// The threads a parallel loop uses from here on; 0: OMP_NUM_THREADS, else every core it may run on.
void set_threads(int threads);
int threads();

}  // namespace dae
