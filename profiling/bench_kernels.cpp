// kernel/NAME/SHAPES: the kernels that only move memory, on tensors far larger than any cache: on a
// GPU the largest is four times the L2 cache. bench_plan.cpp times the same ops at the sizes of the
// networks; here stand also those that no training plan has. Bytes are what the op must move: each
// input read and each output written once, what is changed in place both.
#include <fmt/core.h>

#include <algorithm>

#include "kernels/activation.h"
#include "kernels/bias.h"
#include "kernels/dct_loss.h"
#include "kernels/global_pool.h"
#include "kernels/loss_chunks.h"
#include "kernels/ms_ssim_loss.h"
#include "kernels/noise_input.h"
#include "kernels/output_backward.h"
#include "kernels/perceptual_loss.h"
#include "kernels/pixel_loss.h"
#include "kernels/pixel_shuffle.h"
#include "kernels/residual_mse.h"
#include "kernels/sigmoid_mse.h"
#include "kernels/ssim_loss.h"
#include "kernels/tree_sum.h"
#include "kernels/upsample.h"
#include "profiling/bench.h"
#include "runtime/device.h"
#include "runtime/memory.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

struct Operand {
  Shape shape;
  int moves = 1;  // 2: changed in place; 0: not counted (workspace)
  DType dtype = DType::f32;
};

struct Kernel {
  const char* name;
  std::vector<Operand> operands;  // the first is named in the benchmark's name
  std::function<void(const Queue&, const std::vector<Tensor>&)> run;
};

// `images` of side x side pixels with 32 channels at the top level of a network, of type `type`;
// pictures have three channels and so ten times as many images.
std::vector<Kernel> kernels(int64_t images, int64_t side, DType type) {
  const Shape map = {images, side, side, 32}, large = {images, 2 * side, 2 * side, 32},
              phases = {images, side + 1, side + 1, 4 * 32}, channels = {32},
              picture = {10 * images, side, side, 3}, gain = {10 * images, 3},
              pooled = {images, 64}, argmax = {images, 32}, one = {1},
              partials = {loss_workspace_count(picture)},
              bias_partials = {relu_bias_backward_workspace_count({nullptr, map})};
  const Operand x = {map, 1, type}, x_in_place = {map, 2, type}, b = {channels, 1, type},
                logits = {picture, 1, type}, target = {picture, 1, DType::u8};
  using Args = std::vector<Tensor>;
  // A term of a sum of losses, as the first of it, which writes the gradient.
  const auto term = [](const char* name, const Shape& y, auto run, int64_t workspace) {
    return Kernel{name,
                  {{y}, {y, 1, DType::u8}, {y}, {{1}}, {{2}}, {{workspace}, 0}},
                  [run](const Queue& q, const Args& t) {
                    run(q, t[0], t[1], LossTerm{1, true, t[2], t[3], t[4]}, t[5]);
                  }};
  };
  const int64_t windows = std::max<int64_t>(side, 32);  // SSIM's need room
  const Shape wide = {10 * images, windows, windows, 3};
  return {
      {"noise_input",
       {{picture}, {{10 * images}}, {{10 * images, side / 2, side / 2, 16}}},
       [](const Queue& q, const Args& t) { noise_input(q, t[0], t[1], t[2]); }},
      {"upsample2x",
       {x, {large, 1, type}},
       [](const Queue& q, const Args& t) { upsample2x(q, t[0], t[1]); }},
      {"upsample2x_backward",
       {{large, 1, type}, x},
       [](const Queue& q, const Args& t) { upsample2x_backward(q, t[0], t[1]); }},
      {"pixel_shuffle",
       {{phases, 1, type}, b, {large, 1, type}},
       [](const Queue& q, const Args& t) { pixel_shuffle(q, t[0], t[1], t[2], true); }},
      {"pixel_shuffle_backward",
       {{large, 1, type}, {phases, 1, type}},
       [](const Queue& q, const Args& t) { pixel_shuffle_backward(q, t[0], t[1]); }},
      {"add", {x, x_in_place}, [](const Queue& q, const Args& t) { add(q, t[0], t[1]); }},
      {"tree_sum",  // as of four ranks
       {x, x, x, x, {map, 1, type}},
       [](const Queue& q, const Args& t) {
         constexpr TreeMerge kMerges[] = {{0, 1}, {2, 3}, {0, 2}};
         tree_sum(q, std::span(t).first(4), kMerges, 0.25f, t[4]);
       }},
      {"relu_backward",
       {x, x_in_place},
       [](const Queue& q, const Args& t) { relu_backward(q, t[0], t[1]); }},
      {"bias_relu",
       {x_in_place, b},
       [](const Queue& q, const Args& t) { bias_relu(q, t[1], {}, t[0], true); }},
      {"relu_bias_backward",
       {x, x_in_place, b, {bias_partials, 0}},
       [](const Queue& q, const Args& t) { relu_bias_backward(q, t[0], t[1], t[2], true, t[3]); }},
      {"global_pool",
       {x, {pooled, 1, type}, {argmax, 1, DType::i32}},
       [](const Queue& q, const Args& t) { global_pool(q, t[0], t[1], t[2]); }},
      {"sigmoid",
       {logits, {picture}},
       [](const Queue& q, const Args& t) { sigmoid(q, t[0], t[1]); }},
      {"sigmoid_mse",
       {logits, target, logits, {one}, {partials, 0}},
       [](const Queue& q, const Args& t) { sigmoid_mse(q, t[0], t[1], t[2], t[3], t[4]); }},
      {"residual_output",
       {logits, {picture}, {gain}, {picture}},
       [](const Queue& q, const Args& t) { residual_output(q, t[0], t[1], t[2], t[3]); }},
      {"residual_mse",
       {logits, {picture}, {gain}, target, logits, {gain}, {one}, {partials, 0}},
       [](const Queue& q, const Args& t) {
         residual_mse(q, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]);
       }},
      {"sigmoid_backward",
       {{picture}, {picture}, logits},
       [](const Queue& q, const Args& t) { sigmoid_backward(q, t[0], t[1], t[2]); }},
      {"residual_output_backward",
       {logits, {picture}, {gain}, {picture}, logits, {gain}, {partials, 0}},
       [](const Queue& q, const Args& t) {
         residual_output_backward(q, t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
       }},
      {"unit_picture",
       {target, {picture}},
       [](const Queue& q, const Args& t) { unit_picture(q, t[0], t[1]); }},
      {"feature_distance",
       {{map}, {map}, {map}, {{feature_chunks(map)}}},
       [](const Queue& q, const Args& t) { feature_distance(q, t[0], t[1], 1, t[2], t[3]); }},
      {"perceptual_loss",
       {{picture}, {one}, {picture}, {one}, {{2}}, {{feature_chunks(picture)}, 0}},
       [](const Queue& q, const Args& t) {
         perceptual_loss(q, t[0], t[1], LossTerm{1, true, t[2], t[3], t[4]}, t[5]);
       }},
      term("mse_loss", picture, mse_loss, pixel_loss_workspace_count(picture)),
      term("l1_loss", picture, l1_loss, pixel_loss_workspace_count(picture)),
      term("dct_loss", picture, dct_loss, dct_loss_workspace_count(picture)),
      term("ssim_loss", wide, ssim_loss, ssim_loss_workspace_count(wide)),
      term("ms_ssim_loss", wide, ms_ssim_loss, ms_ssim_loss_workspace_count(wide)),
  };
}

void time_kernel(benchmark::State& state, const BenchOptions& options, const Kernel& kernel) {
  std::vector<Buffer> memory;
  std::vector<Tensor> tensors;
  double bytes = 0;
  for (const Operand& operand : kernel.operands) {
    Tensor tensor{nullptr, operand.shape, operand.dtype};
    memory.emplace_back(options.device, tensor.bytes());
    tensor.data = memory.back().data();
    tensors.push_back(tensor);
    bytes += operand.moves * static_cast<double>(tensor.bytes());
  }
  time_op(state, options, [&](const Queue& q) { kernel.run(q, tensors); });
  report_roofline(state, options, bytes);
}

}  // namespace

void register_kernel_benchmarks(const BenchOptions& options) {
  const int64_t side = options.tiny ? 8 : 64, map_bytes = side * side * 32 * 4;
  const size_t least = options.tiny                     ? 1
                       : options.device == Device::cuda ? 4 * describe_gpu().l2_bytes
                                                        : size_t{64} << 20;
  const int64_t images = ceil_div(static_cast<int64_t>(least), map_bytes);
  for (const Kernel& kernel : kernels(images, side, options.dtype)) {
    const Operand& first = kernel.operands[0];
    configure_op(benchmark::RegisterBenchmark(
                     fmt::format("kernel/{}/{}", kernel.name,
                                 to_string(Tensor{nullptr, first.shape, first.dtype}))
                         .c_str(),
                     [=](benchmark::State& state) { time_kernel(state, options, kernel); }),
                 options);
  }
}

}  // namespace dae
