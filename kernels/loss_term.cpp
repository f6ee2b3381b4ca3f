#include "kernels/loss_term.h"

#include <cmath>

#include "runtime/dispatch.h"

namespace dae {
namespace {

double sum_of(const float* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += values[i];
  return sum;
}

void finish_term_cpu(const TermSums& sums, const LossTerm& term) {
  const auto value = static_cast<float>(sum_of(sums.values, sums.value_count) * sums.value_scale);
  float* const report = term.report.as<float>();
  report[0] = value;
  report[1] =
      static_cast<float>(std::sqrt(sum_of(sums.squares, sums.square_count)) * sums.norm_scale);
  float* const total = term.total.as<float>();
  total[0] = (term.first ? 0.0f : total[0]) + term.weight * value;
}

}  // namespace

void check_term(const char* op, const Tensor& y, const Tensor& target, const LossTerm& term,
                const Tensor& workspace, int64_t needed) {
  check_term_outputs(op, "y", y, term, workspace, needed);
  check_dtype(op, "target", target, DType::u8);
  check_shape(op, "target", target, y.shape);
}

void check_term_outputs(const char* op, const char* what, const Tensor& y, const LossTerm& term,
                        const Tensor& workspace, int64_t needed) {
  const Shape& s = y.shape;
  if (s.rank() != 4 || s[3] != 3 || s.count() == 0 || y.block != 1)
    fail("{}: {} must be plain {{N, H, W, 3}} and not empty, got {}", op, what, to_string(y));
  check_dtype(op, what, y, DType::f32);
  check_same_layout(op, "dy and the restoration", term.dy, y);
  check_dtype(op, "dy", term.dy, DType::f32);
  check_shape(op, "total", term.total, {1});
  check_dtype(op, "total", term.total, DType::f32);
  check_shape(op, "report", term.report, {2});
  check_dtype(op, "report", term.report, DType::f32);
  check_dtype(op, "workspace", workspace, DType::f32);
  if (workspace.count() < needed)
    fail("{}: the workspace ({}) must have {} elements for {} ({})", op, to_string(workspace),
         needed, what, to_string(y));
}

void finish_term(const Queue& q, [[maybe_unused]] const char* op, const TermSums& sums,
                 const LossTerm& term) {
  DAE_DISPATCH(q, finish_term_cpu(sums, term), cuda::finish_term(q.stream, op, sums, term));
}

}  // namespace dae
