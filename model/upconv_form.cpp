#include "model/upconv_form.h"

#include "kernels/layers/conv2d.h"
#include "kernels/layers/cuda_timer.h"
#include "kernels/layers/engines.h"
#include "kernels/pixel_shuffle.h"
#include "kernels/upsample.h"
#include "model/trial.h"
#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr int kTimedRuns = 5;

// Median seconds of what differs between the forms: all of a layer's work but the gradients of bias
// and ReLU, and, where it has them, its weights' sums: microseconds.
double seconds_of(UpconvForm form, const Shape& x_shape, int64_t filters, DType dtype) {
  const Queue q{Device::cuda};
  const int64_t n = x_shape[0], h = x_shape[1], w = x_shape[2], channels = x_shape[3];
  Trial trial(dtype);
  const Tensor x = trial.tensor(x_shape), dx = trial.tensor(x_shape),
               y = trial.tensor({n, 2 * h, 2 * w, filters}), bias = trial.tensor({filters});
  if (form == UpconvForm::transposed) {
    const ConvSpec spec{.x = y.shape,
                        .y = x_shape,
                        .kernel = 4,
                        .stride = 2,
                        .pad = 1,
                        .bias = false,
                        .dtype = dtype};
    const Tensor weights = trial.tensor(spec.weights()), dw = trial.tensor(spec.weights());
    const Conv2dBackwardData forward(q.device, spec, {.bias = true, .relu = true});
    const Conv2dBackwardWeights backward_weights(q.device, spec);
    const Conv2dForward backward_data(q.device, spec);
    const Tensor a = trial.space_for(forward), b = trial.space_for(backward_weights),
                 c = trial.space_for(backward_data);
    return cuda::median_seconds(kTimedRuns, [&] {
      forward(q, x, weights, {.bias = bias}, y, a);
      backward_weights(q, y, x, dw, {}, b);
      backward_data(q, y, weights, {}, {}, dx, c);
    });
  }
  if (form == UpconvForm::upsampled) {
    const ConvSpec spec{
        .x = {n, 2 * h, 2 * w, channels}, .y = y.shape, .relu = true, .dtype = dtype};
    ConvSpec of_gradients = spec;
    of_gradients.bias = false;
    const Tensor large = trial.tensor(spec.x), weights = trial.tensor(spec.weights()),
                 dw = trial.tensor(spec.weights());
    const Conv2dForward forward(q.device, spec);
    const Conv2dBackwardWeights backward_weights(q.device, of_gradients);
    const Conv2dBackwardData backward_data(q.device, of_gradients);
    const Tensor a = trial.space_for(forward), b = trial.space_for(backward_weights),
                 c = trial.space_for(backward_data);
    return cuda::median_seconds(kTimedRuns, [&] {
      upsample2x(q, x, large);
      forward(q, large, weights, bias, {}, y, a);
      backward_weights(q, large, y, dw, {}, b);
      backward_data(q, y, weights, large, c);  // its gradient, where it lay
      upsample2x_backward(q, large, dx);
    });
  }
  const ConvSpec spec{.x = x_shape,
                      .y = {n, h + 1, w + 1, 4 * filters},
                      .kernel = 2,
                      .pad = 1,
                      .bias = false,
                      .dtype = dtype};
  const Tensor z = trial.tensor(spec.y), weights = trial.tensor({4 * filters, 2, 2, channels}),
               dw = trial.tensor(weights.shape);
  const Conv2dForward forward(q.device, spec);
  const Conv2dBackwardWeights backward_weights(q.device, spec);
  const Conv2dBackwardData backward_data(q.device, spec);
  const Tensor a = trial.space_for(forward), b = trial.space_for(backward_weights),
               c = trial.space_for(backward_data);
  return cuda::median_seconds(kTimedRuns, [&] {
    forward(q, x, weights, {}, {}, z, a);
    pixel_shuffle(q, z, bias, y, true);
    pixel_shuffle_backward(q, y, z);
    backward_weights(q, x, z, dw, {}, b);
    backward_data(q, z, weights, dx, c);
  });
}

}  // namespace

UpconvForm choose_upconv_form(Device device, const Shape& x, int64_t filters, DType dtype) {
  if (device == Device::cpu) return UpconvForm::transposed;
  constexpr UpconvForm kForms[] = {UpconvForm::transposed, UpconvForm::phases,
                                   UpconvForm::upsampled};
  cuda_libraries::Candidates candidates;
  candidates.offered = {{"transposed 4x4"}, {"phases 2x2"}, {"upsampled 3x3"}};
  candidates.build = [](size_t) {
    return size_t{0};
  };  // its operations have workspaces of their own
  if (cuda_available())
    candidates.time = [&](size_t i) { return seconds_of(kForms[i], x, filters, dtype); };
  const std::string problem = fmt::format("upsample and convolve {} {} to {} channels",
                                          name_of(dtype), to_string(x), filters);
  return kForms[cuda_libraries::choose(problem, candidates)];
}

}  // namespace dae
