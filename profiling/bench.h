// Shared by the benchmarks of profiling/bench_*.cpp, which together are the program `bench`.
#pragma once

#include <benchmark/benchmark.h>

#include "runtime/ceilings.h"

namespace dae {

// Counters of a finished benchmark: GB/s, GFLOP/s, and the share of the roofline: the least time
// that this machine's measured copy bandwidth and matrix product allow, over the time taken.
// `bytes` and `flops` are those of one iteration.
inline void report_roofline(benchmark::State& state, double bytes, double flops = 0) {
  using benchmark::Counter;
  const auto rate = Counter::kIsIterationInvariantRate;
  state.counters["GB/s"] = Counter(bytes / 1e9, rate);
  if (flops > 0) state.counters["GFLOP/s"] = Counter(flops / 1e9, rate);
  state.counters["roofline"] = Counter(roofline_seconds(ceilings(Device::cpu), bytes, flops), rate);
}

void register_corrupt_benchmarks();  // bench_corrupt.cpp
void register_plan_benchmarks();     // bench_plan.cpp

}  // namespace dae
