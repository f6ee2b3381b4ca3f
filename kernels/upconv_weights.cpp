#include "kernels/upconv_weights.h"

#include "kernels/upconv_taps.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// At most 128 x 128 channels, a megabyte, once a step: a gather an output element is fast enough.
void upconv_weights_cpu(const Tensor& w3, const Tensor& w4) {
  const int64_t filters = w3.shape[0], channels = w3.shape[3];
  const float* const from = w3.as<const float>();
  float* const to = w4.as<float>();
  parallel_chunks(channels * 16, 16, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t c = row / 16;
      const int u = static_cast<int>(row % 16 / 4), v = static_cast<int>(row % 4);
      for (int64_t k = 0; k < filters; k++) {
        float sum = 0;
        for (int i = first_tap3(u); i <= last_tap3(u); i++)
          for (int j = first_tap3(v); j <= last_tap3(v); j++)
            sum += from[((k * 3 + i) * 3 + j) * channels + c];
        to[row * filters + k] = sum;
      }
    }
  });
}

void upconv_weights_backward_cpu(const Tensor& dw4, const Tensor& dw3) {
  const int64_t filters = dw3.shape[0], channels = dw3.shape[3];
  const float* const from = dw4.as<const float>();
  float* const to = dw3.as<float>();
  parallel_chunks(filters * 9, 9, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t k = row / 9;
      const int u = first_tap4(static_cast<int>(row % 9 / 3));
      const int v = first_tap4(static_cast<int>(row % 3));
      for (int64_t c = 0; c < channels; c++) {
        const float* const taps = from + ((c * 4 + u) * 4 + v) * filters + k;
        to[row * channels + c] =
            (taps[0] + taps[filters]) + (taps[4 * filters] + taps[5 * filters]);
      }
    }
  });
}

void check_shapes(const char* op, const Tensor& w3, const Tensor& w4) {
  if (w3.shape.rank() != 4) fail("{}: expected {{K, 3, 3, C}} weights, got {}", op, to_string(w3));
  check_shape(op, "the 3x3 weights", w3, {w3.shape[0], 3, 3, w3.shape[3]});
  check_shape(op, "the 4x4 weights", w4, {w3.shape[3], 4, 4, w3.shape[0]});
}

}  // namespace

void upconv_weights(const Queue& q, const Tensor& w3, const Tensor& w4) {
  check_dtype("upconv_weights", "the 3x3 weights", w3, DType::f32);
  check_float("upconv_weights", "the 4x4 weights", w4, q.device);
  check_shapes("upconv_weights", w3, w4);
  DAE_DISPATCH(q, upconv_weights_cpu(w3, w4), cuda::upconv_weights(q.stream, w3, w4));
}

void upconv_weights_backward(const Queue& q, const Tensor& dw4, const Tensor& dw3) {
  const char* const op = "upconv_weights_backward";
  check_float(op, "the 4x4 gradient", dw4, q.device);
  check_dtype(op, "the 3x3 gradient", dw3, dw4.dtype);
  check_shapes(op, dw3, dw4);
  DAE_DISPATCH(q, upconv_weights_backward_cpu(dw4, dw3),
               cuda::upconv_weights_backward(q.stream, dw4, dw3));
}

}  // namespace dae
