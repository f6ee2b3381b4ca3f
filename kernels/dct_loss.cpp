#include "kernels/dct_loss.h"

#include <cmath>

#include "kernels/dct8.h"
#include "kernels/division.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"
#include "runtime/rounding.h"

namespace dae {
namespace {

int64_t strips_of(const Shape& shape) {
  const int64_t blocks = shape[2] / 8;
  return shape[0] * (shape[1] / 8) * ceil_div(blocks, kDctBlocksAStrip);
}

// Replaces each line of `block` by f of it: rows, or columns.
template <class F>
void along_rows(float (&block)[8][8], const F& f) {
  for (auto& row : block) f(row);
}
template <class F>
void along_columns(float (&block)[8][8], const F& f) {
  for (int c = 0; c < 8; c++) {
    float column[8];
    for (int r = 0; r < 8; r++) column[r] = block[r][c];
    f(column);
    for (int r = 0; r < 8; r++) block[r][c] = column[r];
  }
}

void dct_loss_cpu(const Tensor& y, const Tensor& target, const LossTerm& term, float* values,
                  float* squares) {
  const float* const found = y.as<const float>();
  const uint8_t* const wanted = target.as<const uint8_t>();
  float* const dy = term.dy.as<float>();
  const int64_t row = y.shape[2] * 3, blocks = y.shape[2] / 8;
  const int64_t across = ceil_div(blocks, kDctBlocksAStrip);
  const float scale = term.weight / static_cast<float>(y.count());
  const bool first = term.first;
  const auto restore = [=](int64_t at, float gradient) {
    dy[at] = (first ? 0.0f : dy[at]) + scale * gradient;
  };
  parallel_chunks(strips_of(y.shape), 1, [=](int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; strip++) {
      const int64_t from = strip % across * kDctBlocksAStrip;
      const int64_t to = std::min(from + kDctBlocksAStrip, blocks);
      float value = 0, square = 0;
      for (int64_t b = from; b < to; b++)
        for (int64_t c = 0; c < 3; c++) {
          const int64_t corner = strip / across * 8 * row + b * 24 + c;
          float block[8][8];
          for (int64_t v = 0; v < 8; v++)
            for (int64_t u = 0; u < 8; u++) {
              const int64_t at = corner + v * row + 3 * u;
              block[v][u] = found[at] - over_255(wanted[at]);
            }
          along_columns(block, dct8);
          along_rows(block, [&](float(&line)[8]) {
            dct8(line);
            for (float& coefficient : line) {
              const float sign = static_cast<float>((coefficient > 0) - (coefficient < 0));
              value += std::fabs(coefficient);
              square += sign * sign;
              coefficient = sign;
            }
            inverse_dct8(line);
          });
          along_columns(block, inverse_dct8);
          for (int64_t v = 0; v < 8; v++)
            for (int64_t u = 0; u < 8; u++) restore(corner + v * row + 3 * u, block[v][u]);
        }
      values[strip] = value;
      squares[strip] = square;
    }
  });
}

}  // namespace

int64_t dct_loss_workspace_count(const Shape& shape) {
  return 2 * strips_of(shape);
}

void dct_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
              const Tensor& workspace) {
  const char* const op = "dct_loss";
  check_term(op, y, target, term, workspace, dct_loss_workspace_count(y.shape));
  if (y.shape[1] % 8 != 0 || y.shape[2] % 8 != 0)
    fail("{}: height and width must be multiples of 8, got y ({})", op, to_string(y));
  const int64_t strips = strips_of(y.shape);
  float *const values = workspace.as<float>(), *const squares = values + strips;
  DAE_DISPATCH(q, dct_loss_cpu(y, target, term, values, squares),
               cuda::dct_loss(q.stream, y, target, term, values, squares));
  const auto count = static_cast<double>(y.count());
  // The gradient's norm is that of its coefficients: the transform is orthonormal.
  finish_term(q, op, {values, strips, squares, strips, 1 / count, term.weight / count}, term);
}

}  // namespace dae
