// Shared by the benchmarks of profiling/bench_*.cpp, which together are the program `bench`.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <vector>

#include "model/network.h"
#include "runtime/queue.h"

namespace dae {

struct BenchOptions {
  Device device = Device::cpu;
  std::vector<NetworkKind> models;
  int64_t batch = 16, size = 64;
  DType dtype = DType::f32;  // of feature maps: f32, or bf16 on a GPU
  double seconds = 0.1;      // least time of a repetition; of an op on a GPU: twenty calls
  int repetitions = 5;
  bool once = false;  // one call of everything, for profilers and tests: its times mean nothing
  bool tiny = false;  // the smallest shapes, for tests: networks are `batch` and `size` alone
};

// Times calls of `run`, which enqueues an op, as the iterations of a benchmark that configure_op()
// has set up. On the CPU by the clock. On a GPU by the GPU's own clock and with cold caches: before
// each call memory four times as large as the L2 cache is overwritten. What the op finds there must
// be written back first, as in a training step, where it finds what the op before it wrote.
void time_op(benchmark::State& state, const BenchOptions& options,
             const std::function<void(const Queue&)>& run);
void configure_op(benchmark::internal::Benchmark* registered, const BenchOptions& options);

// Counters of a finished benchmark: GB/s, GFLOP/s, and the share of the roofline: the least time
// that the device's measured copy bandwidth and matrix product allow, over the time taken. Without
// `flops` that is the share of the copy bandwidth. Bytes and flops are those of one iteration.
void report_roofline(benchmark::State& state, const BenchOptions& options, double bytes,
                     double flops = 0);

void register_corrupt_benchmarks(const BenchOptions& options);  // bench_corrupt.cpp
void register_kernel_benchmarks(const BenchOptions& options);   // bench_kernels.cpp
void register_plan_benchmarks(const BenchOptions& options);     // bench_plan.cpp
void register_fusion_benchmarks(const BenchOptions& options);   // bench_fusion.cpp
void register_mma_benchmarks(const BenchOptions& options);      // bench_mma.cpp
void register_restore_benchmarks(const BenchOptions& options);  // bench_restore.cpp

}  // namespace dae
