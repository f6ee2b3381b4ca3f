// restore/HEIGHTxWIDTH: a whole picture restored by a network of the shape of the one that ships, as
// `denoise` does it, in tiles; its weights are random, its noise is told.
#include <fmt/core.h>

#include "profiling/bench.h"
#include "restore/restorer.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae {
namespace {

constexpr NetworkConfig kShipped = {.size = 96,
                                    .width = 48,
                                    .blocks = 2,
                                    .levels = 3,
                                    .stem = 2,
                                    .global = false,
                                    .noise_input = true};

void time_restore(benchmark::State& state, const BenchOptions& options, int64_t height,
                  int64_t width) {
  NetworkConfig config = kShipped;
  config.dtype = options.dtype;
  const ParameterSet parameters = parameters_of(config);
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  parameters.initialize(1, weights.data());
  const Buffer placed(options.device, weights.size() * sizeof(float));
  copy_between_devices(placed.data(), weights.data(), placed.bytes());
  Restorer restorer(options.device, config, parameters,
                    reinterpret_cast<const float*>(placed.data()));
  std::vector<float> picture(static_cast<size_t>(3 * height * width)), restored(picture.size());
  for (size_t i = 0; i < picture.size(); i++)
    picture[i] = static_cast<float>(static_cast<uint32_t>(i) * 2654435761u >> 8) * 0x1p-24f;
  const auto restore = [&] {
    restorer.restore({picture.data(), SampleType::f32, 3, height, width},
                     {restored.data(), SampleType::f32, 3, height, width}, {.noise = 20});
  };
  if (!options.once) restore();
  for (auto _ : state) restore();
  state.counters["Mpixel/s"] = benchmark::Counter(static_cast<double>(height * width) / 1e6,
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_restore_benchmarks(const BenchOptions& options) {
  const auto add = [&](int64_t height, int64_t width) {
    benchmark::RegisterBenchmark(
        fmt::format("restore/{}x{}", height, width).c_str(),
        [=](benchmark::State& state) { time_restore(state, options, height, width); })
        ->Unit(benchmark::kMillisecond)
        ->Iterations(1)
        ->UseRealTime();
  };
  if (options.tiny) return add(40, 48);
  add(512, 768);
  add(4000, 6000);
}

}  // namespace dae
