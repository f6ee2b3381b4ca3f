// corrupt/SIZExSIZExBATCH: the corruption alone, all that is on by default, each view with its own
// draw. On the CPU the draws are made in the time measured; on a GPU the host makes them while the
// GPU works, and with --precision bf16 they are written in bf16 too, as training does.
// corrupt_jpeg/: the same, and each view a JPEG file.
#include <fmt/core.h>

#include "corrupt/corrupt.h"
#include "profiling/bench.h"
#include "runtime/bf16.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae {
namespace {

constexpr int32_t kPictureSide = 640;

void time_corrupt(benchmark::State& state, const BenchOptions& options, int32_t size, int64_t batch,
                  bool jpeg) {
  std::vector<uint8_t> texture(kPictureSide * kPictureSide * 3);
  for (size_t i = 0; i < texture.size(); i++)
    texture[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  const Buffer picture(options.device, texture.size());
  copy_between_devices(picture.data(), texture.data(), texture.size());
  const std::vector<Source> sources = {{reinterpret_cast<const uint8_t*>(picture.data()),
                                        kPictureSide * 3, kPictureSide, kPictureSide}};
  CorruptSpec spec;
  if (jpeg) spec.jpeg = {30, 95};
  const CorruptFlags flags = flags_of(spec);
  const bool narrow = options.device == Device::cuda && options.dtype == DType::bf16;
  const int64_t elements = batch * size * size * 3,
                scratch = corrupt_workspace_count(options.device, size, flags.max_radius);
  std::vector<Draw> draws(static_cast<size_t>(batch));
  const auto draw = [&](int64_t step) {
    for (size_t slot = 0; slot < draws.size(); slot++)
      draws[slot] = draw_training(spec, 1, step, static_cast<int64_t>(slot), sources, size, size);
  };
  const Buffer table(options.device, sizeof(Source)),
      device_draws(options.device, draws.size() * sizeof(Draw)),
      clean(options.device, static_cast<size_t>(elements)),
      corrupted(options.device, static_cast<size_t>(elements) * sizeof(float)),
      rounded(options.device, narrow ? static_cast<size_t>(elements) * sizeof(BFloat16) : 0),
      workspace(options.device, static_cast<size_t>(scratch) * sizeof(float));
  draw(0);
  copy_between_devices(table.data(), sources.data(), table.bytes());
  copy_between_devices(device_draws.data(), draws.data(), device_draws.bytes());
  void* const batch_draws =
      options.device == Device::cpu ? static_cast<void*>(draws.data()) : device_draws.data();
  int64_t step = 0;
  time_op(state, options, [&](const Queue& q) {
    if (q.device == Device::cpu) draw(++step);
    corrupt(q, {table.data(), {1, int64_t{sizeof(Source)}}, DType::u8},
            {batch_draws, {batch, int64_t{sizeof(Draw)}}, DType::u8}, flags,
            {clean.data(), {batch, size, size, 3}, DType::u8},
            {corrupted.data(), {batch, size, size, 3}}, {workspace.data(), {scratch}}, {},
            narrow ? Tensor{rounded.data(), {batch, size, size, 3}, DType::bf16} : Tensor{});
  });
  state.counters["Mpixel/s"] = benchmark::Counter(static_cast<double>(batch) * size * size / 1e6,
                                                  benchmark::Counter::kIsIterationInvariantRate);
  // Three bytes a pixel are read and three written, twelve written as floats, six in bf16; as files they
  // are read and written once more.
  const int copy = narrow ? 2 : 0;
  report_roofline(state, options,
                  static_cast<double>(elements) * (1 + 1 + 4 + copy + (jpeg ? 8 + copy : 0)));
}

std::vector<std::pair<int32_t, int64_t>> views(const BenchOptions& options) {
  if (options.tiny) return {{static_cast<int32_t>(options.size), options.batch}};
  if (options.device == Device::cpu) return {{64, 64}, {512, 8}};
  return {{64, 256}, {64, 1024}, {64, 4096}, {128, 1024}, {512, 64}};
}

}  // namespace

void register_corrupt_benchmarks(const BenchOptions& options) {
  for (const bool jpeg : {false, true})
    for (const auto& [size, batch] : views(options))
      configure_op(
          benchmark::RegisterBenchmark(
              fmt::format("corrupt{}/{}x{}x{}", jpeg ? "_jpeg" : "", size, size, batch).c_str(),
              [=, size = size, batch = batch](benchmark::State& state) {
                time_corrupt(state, options, size, batch, jpeg);
              }),
          options);
}

}  // namespace dae
