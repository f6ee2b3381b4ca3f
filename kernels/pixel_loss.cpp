#include "kernels/pixel_loss.h"

#include "kernels/pixel_loss_formula.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

int64_t chunks_of(const Shape& shape) {
  return ceil_div(shape.count(), kPixelLossChunk);
}

// At most 13 bytes an element: memory speed with plain code.
template <class Formula>
void pixel_loss_cpu(const Tensor& y, const Tensor& target, const LossTerm& term, float* values,
                    float* squares) {
  const float* const found = y.as<const float>();
  const uint8_t* const wanted = target.as<const uint8_t>();
  float* const dy = term.dy.as<float>();
  const float scale = term.weight / static_cast<float>(y.count());
  const bool first = term.first;
  parallel_chunks(y.count(), kPixelLossChunk, [=](int64_t begin, int64_t end) {
    float value = 0, square = 0;
    for (int64_t i = begin; i < end; i++) {
      const PixelTerm t = Formula::of(pixel_error(found[i], wanted[i]));
      value += t.value;
      square += t.slope * t.slope;
      dy[i] = (first ? 0.0f : dy[i]) + scale * t.slope;
    }
    values[begin / kPixelLossChunk] = value;
    squares[begin / kPixelLossChunk] = square;
  });
}

// The rest of both ops; `run` fills dy, values and squares.
template <class F>
void pixel_loss(const Queue& q, const char* op, const Tensor& y, const Tensor& target,
                const LossTerm& term, const Tensor& workspace, const F& run) {
  check_term(op, y, target, term, workspace, pixel_loss_workspace_count(y.shape));
  const int64_t chunks = chunks_of(y.shape);
  float *const values = workspace.as<float>(), *const squares = values + chunks;
  run(values, squares);
  const auto count = static_cast<double>(y.count());
  finish_term(q, op, {values, chunks, squares, chunks, 1 / count, term.weight / count}, term);
}

}  // namespace

int64_t pixel_loss_workspace_count(const Shape& shape) {
  return 2 * chunks_of(shape);
}

void mse_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
              const Tensor& workspace) {
  pixel_loss(q, "mse_loss", y, target, term, workspace, [&](float* values, float* squares) {
    DAE_DISPATCH(q, pixel_loss_cpu<SquaredError>(y, target, term, values, squares),
                 cuda::mse_loss(q.stream, y, target, term, values, squares));
  });
}

void l1_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
             const Tensor& workspace) {
  pixel_loss(q, "l1_loss", y, target, term, workspace, [&](float* values, float* squares) {
    DAE_DISPATCH(q, pixel_loss_cpu<AbsoluteError>(y, target, term, values, squares),
                 cuda::l1_loss(q.stream, y, target, term, values, squares));
  });
}

}  // namespace dae
