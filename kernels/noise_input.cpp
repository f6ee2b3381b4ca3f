#include "kernels/noise_input.h"

#include "runtime/dispatch.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

constexpr char kOp[] = "noise_input";

void noise_input_cpu(const Tensor& x, const Tensor& told, const Tensor& y) {
  const float *const in = x.as<const float>(), *const level = told.as<const float>();
  float* const out = y.as<float>();
  const int64_t rows = y.shape[1], columns = y.shape[2];
  parallel_chunks(x.shape[0] * rows, 64, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const float channel = kNoiseInputScale * level[row / rows];
      for (int64_t a = 0; a < 2; a++)
        for (int64_t j = 0; j < 2 * columns; j++) {
          const float* const from = in + ((2 * row + a) * 2 * columns + j) * 3;
          float* const to = out + (row * columns + j / 2) * 16 + (2 * a + j % 2) * 4;
          for (int c = 0; c < 3; c++) to[c] = from[c];
          to[3] = channel;
        }
    }
  });
}

}  // namespace

void noise_input(const Queue& q, const Tensor& x, const Tensor& told, const Tensor& y) {
  const Shape& s = x.shape;
  check_dtype(kOp, "x", x, DType::f32);
  check_dtype(kOp, "told", told, DType::f32);
  check_dtype(kOp, "y", y, DType::f32);
  if (s.rank() != 4 || s[1] % 2 != 0 || s[2] % 2 != 0 || s[3] != 3)
    fail("{}: x is {}, expected RGB pictures of even sides as NxHxWx3", kOp, to_string(x));
  check_shape(kOp, "told", told, {s[0]});
  check_shape(kOp, "y", y, {s[0], s[1] / 2, s[2] / 2, 16});
  DAE_DISPATCH(q, noise_input_cpu(x, told, y), cuda::noise_input(q.stream, x, told, y));
}

}  // namespace dae
