#include "kernels/pixel_shuffle.h"

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// Copies of K adjacent floats: memory speed. A chunk is a row of the large image.
void pixel_shuffle_cpu(const Tensor& z, const Tensor& bias, const Tensor& y, bool relu) {
  const int64_t rows = y.shape[1], columns = y.shape[2], filters = y.shape[3];
  const int64_t z_rows = z.shape[1], z_columns = z.shape[2];
  const float *const in = z.as<const float>(), *const b = bias.as<const float>();
  float* const out = y.as<float>();
  parallel_chunks(y.shape[0] * rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t n = row / rows, i = row % rows;
      for (int64_t j = 0; j < columns; j++) {
        // Row i = 2 i' + a of the output is phase a at i' + a = (i + 1) / 2 of z.
        const int64_t from = (n * z_rows + (i + 1) / 2) * z_columns + (j + 1) / 2;
        const float* const value = in + (from * 4 + i % 2 * 2 + j % 2) * filters;
        float* const to = out + (row * columns + j) * filters;
        for (int64_t k = 0; k < filters; k++) {
          const float sum = value[k] + b[k];
          to[k] = relu && !(sum > 0) ? 0.0f : sum;
        }
      }
    }
  });
}

void pixel_shuffle_backward_cpu(const Tensor& dy, const Tensor& dz) {
  const int64_t rows = dy.shape[1], columns = dy.shape[2], filters = dy.shape[3];
  const int64_t z_rows = dz.shape[1], z_columns = dz.shape[2];
  const float* const in = dy.as<const float>();
  float* const out = dz.as<float>();
  parallel_chunks(dz.shape[0] * z_rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++)
      for (int64_t q = 0; q < z_columns; q++)
        for (int64_t phase = 0; phase < 4; phase++) {
          const int64_t a = phase / 2, b = phase % 2;
          const int64_t i = 2 * (row % z_rows) - a, j = 2 * q - b;
          float* const to = out + ((row * z_columns + q) * 4 + phase) * filters;
          const bool inside = i >= 0 && i < rows && j >= 0 && j < columns;
          const float* const from = in + ((row / z_rows * rows + i) * columns + j) * filters;
          for (int64_t k = 0; k < filters; k++) to[k] = inside ? from[k] : 0.0f;
        }
  });
}

void check(const char* op, const Queue& q, const Tensor& z, const Tensor& y) {
  check_float(op, "z", z, q.device);
  check_dtype(op, "y", y, z.dtype);
  if (y.shape.rank() != 4 || y.block != 1 || z.block != 1 || y.shape[1] % 2 || y.shape[2] % 2)
    fail("{}: expected a plain NHWC image of even sides, got {}", op, to_string(y));
  check_shape(op, "z", z, {y.shape[0], y.shape[1] / 2 + 1, y.shape[2] / 2 + 1, 4 * y.shape[3]});
}

}  // namespace

void pixel_shuffle(const Queue& q, const Tensor& z, const Tensor& bias, const Tensor& y,
                   bool relu) {
  check("pixel_shuffle", q, z, y);
  check_dtype("pixel_shuffle", "the bias", bias, y.dtype);
  check_shape("pixel_shuffle", "the bias", bias, {y.shape[3]});
  DAE_DISPATCH(q, pixel_shuffle_cpu(z, bias, y, relu),
               cuda::pixel_shuffle(q.stream, z, bias, y, relu));
}

void pixel_shuffle_backward(const Queue& q, const Tensor& dy, const Tensor& dz) {
  check("pixel_shuffle_backward", q, dz, dy);
  DAE_DISPATCH(q, pixel_shuffle_backward_cpu(dy, dz),
               cuda::pixel_shuffle_backward(q.stream, dy, dz));
}

}  // namespace dae
