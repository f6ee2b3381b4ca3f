#include "kernels/layers/ceilings.h"
#include "profiling/bench.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/stopwatch.h"
#include "runtime/stream.h"
#include "runtime/trace.h"

namespace dae {
namespace {

constexpr int kGpuCalls = 20, kCaches = 4;

}  // namespace

void time_op(benchmark::State& state, const BenchOptions& options,
             const std::function<void(const Queue&)>& run) {
  if (options.device == Device::cpu) {
    for (auto _ : state) run(Queue{});
    return;
  }
  const cuda::Stream stream;
  const cuda::Stopwatch watch;
  const Queue q{Device::cuda, stream.get()};
  synchronize_device();
  if (options.once) {
    for (auto _ : state) {
      const trace::Profiled profiled;
      watch.start(q.stream);
      run(q);
      watch.stop(q.stream);
      state.SetIterationTime(watch.seconds());
    }
    return;
  }
  run(q);  // libraries and kernels are loaded by their first call
  for (auto _ : state) {
    cuda::overwrite_cache(q.stream, kCaches);
    watch.start(q.stream);
    run(q);
    watch.stop(q.stream);
    state.SetIterationTime(watch.seconds());
  }
}

void configure_op(benchmark::internal::Benchmark* registered, const BenchOptions& options) {
  registered->Unit(benchmark::kMicrosecond);
  if (options.device == Device::cuda)
    registered->UseManualTime();
  else
    registered->UseRealTime();
  if (options.once)
    registered->Iterations(1);
  else if (options.device == Device::cuda)
    registered->Iterations(kGpuCalls);
}

void report_roofline(benchmark::State& state, const BenchOptions& options, double bytes,
                     double flops) {
  using benchmark::Counter;
  const auto rate = Counter::kIsIterationInvariantRate;
  state.counters["GB/s"] = Counter(bytes / 1e9, rate);
  if (flops > 0) state.counters["GFLOP/s"] = Counter(flops / 1e9, rate);
  state.counters["roofline"] =
      Counter(roofline_seconds(ceilings(options.device), bytes, flops, options.dtype), rate);
}

}  // namespace dae
