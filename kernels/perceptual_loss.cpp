#include "kernels/perceptual_loss.h"

#include "kernels/pixel_loss_formula.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

// Twelve bytes an element at most: all three run at memory speed with plain code.
void unit_picture_cpu(const Tensor& x, const Tensor& y) {
  const uint8_t* const code = x.as<const uint8_t>();
  float* const value = y.as<float>();
  parallel_chunks(x.count(), 1 << 14, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) value[i] = over_255(code[i]);
  });
}

void feature_distance_cpu(const Tensor& x, const Tensor& target, float scale, const Tensor& dx,
                          const Tensor& sums) {
  const float *const found = x.as<const float>(), *const wanted = target.as<const float>();
  float *const gradient = dx.as<float>(), *const sum = sums.as<float>();
  parallel_chunks(x.count(), kPixelLossChunk, [=](int64_t begin, int64_t end) {
    float square = 0;
    for (int64_t i = begin; i < end; i++) {
      const float difference = found[i] - wanted[i];
      square += difference * difference;
      gradient[i] = 2 * scale * difference;
    }
    sum[begin / kPixelLossChunk] = scale * square;
  });
}

void perceptual_loss_cpu(const Tensor& g, const LossTerm& term, float* squares) {
  const float* const gradient = g.as<const float>();
  float* const dy = term.dy.as<float>();
  const float weight = term.weight;
  const bool first = term.first;
  parallel_chunks(g.count(), kPixelLossChunk, [=](int64_t begin, int64_t end) {
    float square = 0;
    for (int64_t i = begin; i < end; i++) {
      square += gradient[i] * gradient[i];
      dy[i] = (first ? 0.0f : dy[i]) + weight * gradient[i];
    }
    squares[begin / kPixelLossChunk] = square;
  });
}

}  // namespace

void unit_picture(const Queue& q, const Tensor& x, const Tensor& y) {
  check_dtype("unit_picture", "x", x, DType::u8);
  check_dtype("unit_picture", "y", y, DType::f32);
  check_same_layout("unit_picture", "y and x", y, x);
  if (x.block != 1) fail("unit_picture: pictures are plain, got {}", to_string(x));
  DAE_DISPATCH(q, unit_picture_cpu(x, y), cuda::unit_picture(q.stream, x, y));
}

int64_t feature_chunks(const Shape& shape) {
  return ceil_div(shape.count(), kPixelLossChunk);
}

void feature_distance(const Queue& q, const Tensor& x, const Tensor& target, float scale,
                      const Tensor& dx, const Tensor& sums) {
  const char* const op = "feature_distance";
  if (x.count() == 0) fail("{}: there is nothing to compare in {}", op, to_string(x));
  check_layout(op, "x", x, q.device);
  check_same_layout(op, "target and x", target, x);
  check_same_layout(op, "dx and x", dx, x);
  check_dtype(op, "x", x, DType::f32);
  check_dtype(op, "target", target, DType::f32);
  check_dtype(op, "dx", dx, DType::f32);
  check_shape(op, "sums", sums, {feature_chunks(x.shape)});
  check_dtype(op, "sums", sums, DType::f32);
  DAE_DISPATCH(q, feature_distance_cpu(x, target, scale, dx, sums),
               cuda::feature_distance(q.stream, x, target, scale, dx, sums));
}

void perceptual_loss(const Queue& q, const Tensor& g, const Tensor& sums, const LossTerm& term,
                     const Tensor& workspace) {
  const char* const op = "perceptual_loss";
  const int64_t chunks = feature_chunks(g.shape);
  check_term_outputs(op, "g", g, term, workspace, chunks);
  check_dtype(op, "sums", sums, DType::f32);
  float* const squares = workspace.as<float>();
  DAE_DISPATCH(q, perceptual_loss_cpu(g, term, squares),
               cuda::perceptual_loss(q.stream, g, term, squares));
  finish_term(q, op, {sums.as<const float>(), sums.count(), squares, chunks, 1, term.weight}, term);
}

}  // namespace dae
