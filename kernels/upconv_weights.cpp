#include "kernels/upconv_weights.h"

#include "kernels/upconv_taps.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// At most 128 x 128 channels, a megabyte, once a step: a gather an output element is fast enough.
void upconv_weights_cpu(const Tensor& w3, const Tensor& w) {
  const int filters = static_cast<int>(w3.shape[0]), channels = static_cast<int>(w3.shape[3]);
  const bool phases = has_phases(w);
  const float* const from = w3.as<const float>();
  float* const to = w.as<float>();
  parallel_chunks(int64_t{channels} * 16, 16, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int c = static_cast<int>(row / 16), u = row % 16 / 4, v = row % 4;
      for (int k = 0; k < filters; k++) {
        float sum = 0;
        for (int i = first_tap3(u); i <= last_tap3(u); i++)
          for (int j = first_tap3(v); j <= last_tap3(v); j++)
            sum += from[((int64_t{k} * 3 + i) * 3 + j) * channels + c];
        to[upconv_index(phases, u, v, k, c, filters, channels)] = sum;
      }
    }
  });
}

void upconv_weights_backward_cpu(const Tensor& dw, const Tensor& dw3) {
  const int filters = static_cast<int>(dw3.shape[0]), channels = static_cast<int>(dw3.shape[3]);
  const bool phases = has_phases(dw);
  const float* const from = dw.as<const float>();
  float* const to = dw3.as<float>();
  parallel_chunks(int64_t{filters} * 9, 9, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int k = static_cast<int>(row / 9);
      const int u = first_tap4(static_cast<int>(row % 9 / 3));
      const int v = first_tap4(static_cast<int>(row % 3));
      for (int c = 0; c < channels; c++) {
        const auto tap = [=](int i, int j) {
          return from[upconv_index(phases, u + i, v + j, k, c, filters, channels)];
        };
        to[row * channels + c] = (tap(0, 0) + tap(0, 1)) + (tap(1, 0) + tap(1, 1));
      }
    }
  });
}

void check_shapes(const char* op, const Tensor& w3, const Tensor& w) {
  if (w3.shape.rank() != 4) fail("{}: expected {{K, 3, 3, C}} weights, got {}", op, to_string(w3));
  const int64_t filters = w3.shape[0], channels = w3.shape[3];
  check_shape(op, "the 3x3 weights", w3, {filters, 3, 3, channels});
  if (w.shape.rank() == 4 && has_phases(w))
    check_shape(op, "the weights of the phases", w, {4 * filters, 2, 2, channels});
  else
    check_shape(op, "the 4x4 weights", w, {channels, 4, 4, filters});
}

}  // namespace

void upconv_weights(const Queue& q, const Tensor& w3, const Tensor& w) {
  check_dtype("upconv_weights", "the 3x3 weights", w3, DType::f32);
  check_float("upconv_weights", "the new weights", w, q.device);
  check_shapes("upconv_weights", w3, w);
  DAE_DISPATCH(q, upconv_weights_cpu(w3, w), cuda::upconv_weights(q.stream, w3, w));
}

void upconv_weights_backward(const Queue& q, const Tensor& dw, const Tensor& dw3) {
  const char* const op = "upconv_weights_backward";
  check_float(op, "the gradient", dw, q.device);
  check_dtype(op, "the 3x3 gradient", dw3, dw.dtype);
  check_shapes(op, dw3, dw);
  DAE_DISPATCH(q, upconv_weights_backward_cpu(dw, dw3),
               cuda::upconv_weights_backward(q.stream, dw, dw3));
}

}  // namespace dae
