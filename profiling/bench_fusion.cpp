// fusion/FORM/SHAPE/fused and .../unfused: a convolution of the unet with what follows it, by one
// of cuDNN's engines that fuse them, and one by one (kernels/layers/unfused.h): the plan chooses between the two.
// FORM says what is done to the result (kernels/layers/cuda_libraries.h), SHAPE is the result's. On a GPU in bf16
// alone: cuDNN fuses nothing else. Bytes are those of the fused form: each operand once.
#include <fmt/core.h>

#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/unfused.h"
#include "profiling/bench.h"
#include "runtime/device.h"
#include "runtime/varied_buffer.h"

namespace dae {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

struct Fusion {
  const char* form;
  Convolution problem;  // with all that can be fused
};

std::vector<Fusion> fusions(const BenchOptions& options) {
  std::vector<Fusion> found;
  const auto side_at = [&](int level) { return options.size >> level; };
  for (int level = 0; level < 4 && side_at(level) >= 8; level++) {
    const int64_t side = side_at(level), channels = int64_t{32} << level;
    const Shape map = {options.batch, side, side, channels};
    Convolution p{.direction = Direction::backward_data,
                  .x = map,
                  .w = {channels, 3, 3, channels},
                  .y = map,
                  .dtype = DType::bf16};
    p.addend = true;
    found.push_back({"dgrad+add", p});
    p.sums = true;
    found.push_back({"dgrad+add+sums", p});
    p.gate = true;
    p.addend = false;
    found.push_back({"dgrad+gate+sums", p});
    if (level == 0) continue;
    const Convolution up{.direction = Direction::backward_data,
                         .x = {options.batch, 2 * side, 2 * side, channels / 2},
                         .w = {channels, 4, 4, channels / 2},
                         .y = map,
                         .stride = 2,
                         .bias = true,
                         .addend = true,
                         .relu = true,
                         .dtype = DType::bf16};
    found.push_back({"up+add+bias+relu", up});
  }
  return found;
}

void time_routine(benchmark::State& state, const BenchOptions& options, const Convolution& p,
                  std::shared_ptr<Routine> (*plan)(const Convolution&)) {
  std::shared_ptr<Routine> routine;
  try {
    routine = plan(p);
  } catch (const cuda_libraries::NoEngine& error) {
    state.SkipWithError(error.what());
    return;
  }
  std::vector<Buffer> operands;
  std::vector<const void*> data;
  double bytes = 0;
  for (const Tensor& t : cuda_libraries::operands_of(p)) {
    data.push_back(
        operands.emplace_back(varied_buffer(Device::cuda, t.shape.count(), t.dtype)).data());
    bytes += static_cast<double>(t.bytes());
  }
  const Buffer workspace(Device::cuda, routine->workspace_bytes());
  time_op(state, options, [&](const Queue& q) { routine->run(q.stream, data, workspace.data()); });
  const int64_t products = p.w.count() / p.w[0];
  report_roofline(state, options, bytes, 2.0 * static_cast<double>(p.y.count() * products));
}

}  // namespace

void register_fusion_benchmarks(const BenchOptions& options) {
  if (options.device == Device::cpu || options.dtype != DType::bf16) return;
  for (const Fusion& fusion : fusions(options)) {
    const std::string name = fmt::format("fusion/{}/{}/", fusion.form,
                                         to_string(cuda_libraries::operands_of(fusion.problem)[2]));
    const auto add = [&](const char* which, auto plan) {
      configure_op(
          benchmark::RegisterBenchmark(
              (name + which).c_str(),
              [=](benchmark::State& state) { time_routine(state, options, fusion.problem, plan); }),
          options);
    };
    add("fused", cuda_libraries::plan_by_library);
    add("unfused", unfused::routine_of);
  }
}

}  // namespace dae
