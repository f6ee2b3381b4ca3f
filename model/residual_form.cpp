#include "model/residual_form.h"

#include "kernels/conv3x3_mma.h"
#include "kernels/layers/conv2d.h"
#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/mma_candidates.h"
#include "kernels/residual_block.h"
#include "model/trial.h"
#include "runtime/device.h"

namespace dae {
namespace {

constexpr int kTimedRuns = 5;

// Median seconds.
double forward_seconds(ResidualForm form, const Shape& map, DType dtype, bool keeps) {
  const Queue q{Device::cuda};
  Trial trial(dtype);
  ConvSpec first{.x = map, .y = map, .relu = true, .dtype = dtype},
      second{.x = map, .y = map, .addend = true, .dtype = dtype};
  const Tensor x = trial.tensor(map), h = trial.tensor(map), y = trial.tensor(map),
               w1 = trial.tensor(first.weights()), w2 = trial.tensor(first.weights()),
               b1 = trial.tensor({map[3]}), b2 = trial.tensor({map[3]});
  if (form == ResidualForm::at_once)
    return cuda::median_seconds(
        kTimedRuns, [&] { residual_block(q, x, w1, b1, w2, b2, keeps ? h : Tensor{}, y); });
  const Conv2dForward a(q.device, first), b(q.device, second);
  const Tensor a_space = trial.space_for(a), b_space = trial.space_for(b);
  return cuda::median_seconds(kTimedRuns, [&] {
    a(q, x, w1, b1, {}, h, a_space);
    b(q, h, w2, b2, x, y, b_space);
  });
}

double backward_seconds(ResidualForm form, const Shape& map, DType dtype) {
  const Queue q{Device::cuda};
  Trial trial(dtype);
  const ConvSpec spec{.x = map, .y = map, .bias = false, .dtype = dtype};
  const Tensor dy = trial.tensor(map), h = trial.tensor(map), dh = trial.tensor(map),
               dx = trial.tensor(map), w1 = trial.tensor(spec.weights()),
               w2 = trial.tensor(spec.weights());
  if (form == ResidualForm::at_once) {
    const Tensor sums = trial.tensor(residual_block_sums(map), DType::f32);
    return cuda::median_seconds(kTimedRuns,
                                [&] { residual_block_backward(q, dy, w1, w2, h, dh, dx, sums); });
  }
  const Conv2dBackwardData second(q.device, spec, {.gate = true, .sums = true}),
      first(q.device, spec, {.addend = true, .sums = true});
  const Tensor second_space = trial.space_for(second), first_space = trial.space_for(first),
               db1 = trial.tensor({second.sum_rows(), map[3]}, DType::f32),
               sums = trial.tensor({first.sum_rows(), map[3]}, DType::f32);
  return cuda::median_seconds(kTimedRuns, [&] {
    second(q, dy, w2, {.gate = h, .sums = db1}, dh, second_space);
    first(q, dh, w1, {.addend = dy, .sums = sums}, dx, first_space);
  });
}

template <class Seconds>
ResidualForm choose(Device device, const Tensor& map, const char* direction,
                    const Seconds& seconds) {
  if (device == Device::cpu || !suits_mma(map.shape, map.dtype)) return ResidualForm::convolutions;
  constexpr ResidualForm kForms[] = {ResidualForm::convolutions, ResidualForm::at_once};
  cuda_libraries::Candidates candidates;
  candidates.offered = {{"two convolutions"}, {mma::kEngine}};
  candidates.build = [](size_t) { return size_t{0}; };  // operations have workspaces of their own
  if (cuda_available())
    candidates.time = [&](size_t i) { return seconds(kForms[i], map.shape, map.dtype); };
  return kForms[cuda_libraries::choose(
      fmt::format("residual block, {}, of {}", direction, to_string(map)), candidates)];
}

}  // namespace

ResidualForm choose_residual_forward(Device device, const Tensor& map, bool keeps) {
  return choose(device, map, keeps ? "forward, its middle kept" : "forward",
                [&](ResidualForm form, const Shape& shape, DType dtype) {
                  return forward_seconds(form, shape, dtype, keeps);
                });
}

ResidualForm choose_residual_backward(Device device, const Tensor& map) {
  return choose(device, map, "gradients", backward_seconds);
}

}  // namespace dae
