// corrupt/SIZExSIZExBATCH: the corruption alone, all of it switched on, each view with its own
// draw.
#include <fmt/core.h>

#include "corrupt/corrupt.h"
#include "profiling/bench.h"
#include "runtime/memory.h"

namespace dae {
namespace {

constexpr int32_t kPictureSide = 640;

void time_corrupt(benchmark::State& state, int32_t size, int64_t batch) {
  std::vector<uint8_t> pixels(kPictureSide * kPictureSide * 3);
  for (size_t i = 0; i < pixels.size(); i++)
    pixels[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  const std::vector<Source> sources = {
      {pixels.data(), kPictureSide * 3, kPictureSide, kPictureSide}};
  const CorruptSpec spec;
  const CorruptFlags flags = flags_of(spec);
  const int64_t elements = batch * size * size * 3,
                scratch = corrupt_workspace_count(Device::cpu, size, flags.max_radius);
  std::vector<Draw> draws(static_cast<size_t>(batch));
  const Buffer clean(Device::cpu, static_cast<size_t>(elements)),
      corrupted(Device::cpu, static_cast<size_t>(elements) * sizeof(float)),
      workspace(Device::cpu, static_cast<size_t>(scratch) * sizeof(float));
  int64_t step = 0;
  for (auto _ : state) {
    for (size_t slot = 0; slot < draws.size(); slot++)
      draws[slot] = draw_training(spec, 1, step, static_cast<int64_t>(slot), sources, size, size);
    step++;
    corrupt(Queue{}, {const_cast<Source*>(sources.data()), {1, int64_t{sizeof(Source)}}, DType::u8},
            {draws.data(), {batch, int64_t{sizeof(Draw)}}, DType::u8}, flags,
            {clean.data(), {batch, size, size, 3}, DType::u8},
            {corrupted.data(), {batch, size, size, 3}}, {workspace.data(), {scratch}});
  }
  state.counters["Mpixel/s"] = benchmark::Counter(static_cast<double>(batch) * size * size / 1e6,
                                                  benchmark::Counter::kIsIterationInvariantRate);
  // Three bytes a pixel are read and three written, twelve written as floats.
  report_roofline(state, static_cast<double>(elements) * (1 + 1 + 4));
}

}  // namespace

void register_corrupt_benchmarks() {
  for (const auto& [size, batch] : {std::pair<int32_t, int64_t>{64, 64}, {512, 8}})
    benchmark::RegisterBenchmark(
        fmt::format("corrupt/{}x{}x{}", size, size, batch).c_str(),
        [size = size, batch = batch](benchmark::State& state) { time_corrupt(state, size, batch); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace dae
