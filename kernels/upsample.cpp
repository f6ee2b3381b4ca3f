#include "kernels/upsample.h"

#include <cstring>

#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

// Four rows of bytes move per input row (1 read, 4 written), so both directions run at memory
// speed; a chunk is one input row.
void upsample2x_cpu(const Tensor& x, const Tensor& y) {
  const int64_t rows = x.shape[0] * x.shape[1], width = x.shape[2], channels = x.shape[3];
  const float* const in = x.as<const float>();
  float* const out = y.as<float>();
  parallel_chunks(rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const float* const from = in + row * width * channels;
      float* const to = out + row * 4 * width * channels;
      for (int64_t j = 0; j < width; j++)
        for (int64_t c = 0; c < channels; c++)
          to[2 * j * channels + c] = to[(2 * j + 1) * channels + c] = from[j * channels + c];
      std::memcpy(to + 2 * width * channels, to, sizeof(float) * 2 * width * channels);
    }
  });
}

void upsample2x_backward_cpu(const Tensor& dy, const Tensor& dx) {
  const int64_t rows = dx.shape[0] * dx.shape[1], width = dx.shape[2], channels = dx.shape[3];
  const float* const in = dy.as<const float>();
  float* const out = dx.as<float>();
  parallel_chunks(rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const float* const top = in + row * 4 * width * channels;
      const float* const bottom = top + 2 * width * channels;
      float* const to = out + row * width * channels;
      for (int64_t j = 0; j < width; j++)
        for (int64_t c = 0; c < channels; c++) {
          const int64_t left = 2 * j * channels + c, right = left + channels;
          to[j * channels + c] = (top[left] + top[right]) + (bottom[left] + bottom[right]);
        }
    }
  });
}

void check(const char* op, const Queue& q, const Tensor& small, const Tensor& large) {
  check_float(op, "the small tensor", small, q.device);
  check_dtype(op, "the large tensor", large, small.dtype);
  if (small.shape.rank() != 4 || small.block != large.block)
    fail("{}: expected NHWC tensors of one layout, got {} and {}", op, to_string(small),
         to_string(large));
  const Shape& s = small.shape;
  check_shape(op, "the large tensor", large, {s[0], 2 * s[1], 2 * s[2], s[3]});
}

}  // namespace

void upsample2x(const Queue& q, const Tensor& x, const Tensor& y) {
  check("upsample2x", q, x, y);
  DAE_DISPATCH(q, upsample2x_cpu(x.folded(), y.folded()),
               cuda::upsample2x(q.stream, x.folded(), y.folded()));
}

void upsample2x_backward(const Queue& q, const Tensor& dy, const Tensor& dx) {
  check("upsample2x_backward", q, dx, dy);
  DAE_DISPATCH(q, upsample2x_backward_cpu(dy.folded(), dx.folded()),
               cuda::upsample2x_backward(q.stream, dy.folded(), dx.folded()));
}

}  // namespace dae
