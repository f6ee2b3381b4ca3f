#include "model/residual_form.h"

#include <vector>

#include "kernels/conv3x3_mma.h"
#include "kernels/layers/conv2d.h"
#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/engines.h"
#include "kernels/layers/mma_candidates.h"
#include "kernels/partial_sums.h"
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
               w2 = trial.tensor(spec.weights()), dw2 = trial.tensor(spec.weights());
  if (form == ResidualForm::with_filters) {
    const Tensor sums = trial.tensor(residual_block_sums(map), DType::f32),
                 filter_sums = trial.tensor(residual_block_filter_sums(map), DType::f32);
    const PartialSum filters[] = {{filter_sums, {dw2.data, {dw2.count()}, dtype}}};
    return cuda::median_seconds(kTimedRuns, [&] {
      residual_block_backward(q, dy, w1, w2, h, dh, dx, sums, filter_sums);
      sum_partials(q, filters);
    });
  }
  const Conv2dBackwardWeights filters(q.device, spec);
  const Tensor filters_space = trial.space_for(filters);
  if (form == ResidualForm::at_once) {
    const Tensor sums = trial.tensor(residual_block_sums(map), DType::f32);
    return cuda::median_seconds(kTimedRuns, [&] {
      residual_block_backward(q, dy, w1, w2, h, dh, dx, sums);
      filters(q, h, dy, dw2, {}, filters_space);
    });
  }
  const Conv2dBackwardData second(q.device, spec, {.gate = true, .sums = true}),
      first(q.device, spec, {.addend = true, .sums = true});
  const Tensor second_space = trial.space_for(second), first_space = trial.space_for(first),
               db1 = trial.tensor({second.sum_rows(), map[3]}, DType::f32),
               sums = trial.tensor({first.sum_rows(), map[3]}, DType::f32);
  return cuda::median_seconds(kTimedRuns, [&] {
    second(q, dy, w2, {.gate = h, .sums = db1}, dh, second_space);
    filters(q, h, dy, dw2, {}, filters_space);
    first(q, dh, w1, {.addend = dy, .sums = sums}, dx, first_space);
  });
}

// The fastest of these forms, the first of which is by convolutions.
template <class Seconds>
ResidualForm choose(Device device, const Tensor& map, const char* direction,
                    const std::vector<ResidualForm>& forms, const Seconds& seconds) {
  if (device == Device::cpu || !suits_mma(map.shape, map.dtype)) return ResidualForm::convolutions;
  cuda_libraries::Candidates candidates;
  for (const ResidualForm form : forms)
    candidates.offered.push_back({form == ResidualForm::convolutions ? "two convolutions"
                                  : form == ResidualForm::at_once    ? mma::kEngine
                                                                     : kResidualWithFilters});
  candidates.build = [](size_t) { return size_t{0}; };  // operations have workspaces of their own
  if (cuda_available())
    candidates.time = [&](size_t i) { return seconds(forms[i], map.shape, map.dtype); };
  return forms[cuda_libraries::choose(
      fmt::format("residual block, {}, of {}", direction, to_string(map)), candidates)];
}

}  // namespace

ResidualForm choose_residual_forward(Device device, const Tensor& map, bool keeps) {
  return choose(device, map, keeps ? "forward, its middle kept" : "forward",
                {ResidualForm::convolutions, ResidualForm::at_once},
                [&](ResidualForm form, const Shape& shape, DType dtype) {
                  return forward_seconds(form, shape, dtype, keeps);
                });
}

ResidualForm choose_residual_backward(Device device, const Tensor& map) {
  std::vector<ResidualForm> forms = {ResidualForm::convolutions, ResidualForm::at_once};
  if (suits_filter_sums(map.shape)) forms.push_back(ResidualForm::with_filters);
  return choose(device, map, "gradients and the second filters'", forms, backward_seconds);
}

}  // namespace dae
