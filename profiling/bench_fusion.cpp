// fusion/FORM/SHAPE/fused and .../unfused: a convolution of the unet with what follows it, by one
// of cuDNN's engines that fuse them, and one by one: the convolution, then the kernels of this
// project. The plan chooses between them where there is no gate (kernels/layers/unfused.h). FORM says what is done to the result (kernels/layers/cuda_libraries.h),
// SHAPE is the result's. On a GPU in bf16 alone: cuDNN fuses nothing else. Bytes are those of the
// fused form: each operand once.
#include <fmt/core.h>

#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/layers/cuda_libraries.h"
#include "kernels/layers/engines.h"
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

  // Operands after the convolution's three, as operands_of() has them.
  size_t bias() const { return 3; }
  size_t addend() const { return 3 + problem.bias; }
  size_t gate() const { return addend() + problem.addend; }
  size_t sums() const { return gate() + problem.gate; }
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
    p.gate = p.sums = true;
    found.push_back({"dgrad+add+gate+sums", p});
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

// The convolution's operands, with memory, and a workspace for `routine`.
struct Operands {
  Operands(const Convolution& problem, const Routine& routine)
      : workspace(Device::cuda, routine.workspace_bytes()) {
    for (Tensor t : cuda_libraries::operands_of(problem)) {
      memory.push_back(varied_buffer(Device::cuda, t.shape.count(), t.dtype));
      t.data = memory.back().data();
      bytes += static_cast<double>(t.bytes());
      data.push_back(t.data);
      tensors.push_back(t);
    }
  }
  std::vector<Buffer> memory;
  Buffer workspace;
  std::vector<Tensor> tensors;
  std::vector<const void*> data;
  double bytes = 0;
};

void report(benchmark::State& state, const BenchOptions& options, const Convolution& p,
            double bytes) {
  const int64_t products = p.w.count() / p.w[0];
  report_roofline(state, options, bytes, 2.0 * static_cast<double>(p.y.count() * products));
}

void time_fused(benchmark::State& state, const BenchOptions& options, const Fusion& fusion) {
  std::shared_ptr<Routine> routine;
  try {
    routine = cuda_libraries::plan_by_library(fusion.problem);
  } catch (const cuda_libraries::NoEngine& error) {
    state.SkipWithError(error.what());
    return;
  }
  const Operands o(fusion.problem, *routine);
  time_op(state, options,
          [&](const Queue& q) { routine->run(q.stream, o.data, o.workspace.data()); });
  report(state, options, fusion.problem, o.bytes);
}

void time_unfused(benchmark::State& state, const BenchOptions& options, const Fusion& fusion) {
  const Convolution& p = fusion.problem;
  Convolution alone = p;
  alone.bias = alone.addend = alone.relu = alone.gate = alone.sums = false;
  const std::shared_ptr<Routine> routine = cuda_libraries::plan(alone);
  const Operands o(p, *routine);
  const Tensor& result = o.tensors[2];
  const int64_t partials = relu_bias_backward_workspace_count(result);
  const Buffer space(Device::cuda, static_cast<size_t>(partials) * sizeof(float)),
      sums(Device::cuda, static_cast<size_t>(result.shape[3]) * size_of(p.dtype));
  time_op(state, options, [&](const Queue& q) {
    routine->run(q.stream, std::span(o.data).first(3), o.workspace.data());
    if (p.bias)
      bias_relu(q, o.tensors[fusion.bias()], o.tensors[fusion.addend()], result, p.relu);
    else if (p.addend)
      add(q, o.tensors[fusion.addend()], result);
    if (p.gate)
      relu_bias_backward(q, o.tensors[fusion.gate()], result,
                         {sums.data(), {result.shape[3]}, p.dtype}, true,
                         {space.data(), {partials}});
  });
  report(state, options, p, o.bytes);
}

}  // namespace

void register_fusion_benchmarks(const BenchOptions& options) {
  if (options.device == Device::cpu || options.dtype != DType::bf16) return;
  for (const Fusion& fusion : fusions(options)) {
    const std::string name = fmt::format("fusion/{}/{}/", fusion.form,
                                         to_string(cuda_libraries::operands_of(fusion.problem)[2]));
    const auto add = [&](const char* which, auto time) {
      configure_op(benchmark::RegisterBenchmark(
                       (name + which).c_str(),
                       [=](benchmark::State& state) { time(state, options, fusion); }),
                   options);
    };
    add("fused", time_fused);
    add("unfused", time_unfused);
  }
}

}  // namespace dae
