#include "kernels/ssim_loss.h"

#include "kernels/ssim_passes.h"
#include "runtime/error.h"

namespace dae {
namespace {

SsimScale scale_of(const Shape& shape) {
  return {.images = shape[0], .height = shape[1], .width = shape[2], .luminance = true};
}

}  // namespace

int64_t ssim_loss_workspace_count(const Shape& shape) {
  const SsimScale s = scale_of(shape);
  return 3 * s.map_count() + s.images * (3 * s.tiles() + s.pixel_tiles());
}

void ssim_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
               const Tensor& workspace) {
  const char* const op = "ssim_loss";
  if (y.shape.rank() == 4 && (y.shape[1] < kSsimWindow || y.shape[2] < kSsimWindow))
    fail("{}: no {}x{} window fits into y ({})", op, +kSsimWindow, +kSsimWindow, to_string(y));
  check_term(op, y, target, term, workspace, ssim_loss_workspace_count(y.shape));
  SsimScale s = scale_of(y.shape);
  s.y = y.as<const float>();
  s.target = target.data;
  s.target_u8 = true;
  s.maps = workspace.as<float>();
  s.missing = s.maps + 3 * s.map_count();
  float* const squares = s.missing + s.images * s.tiles() * 3;
  const auto count = static_cast<double>(s.map_count());
  ssim_maps(q, op, s);
  ssim_gradient(q, op, s,
                {.weight = static_cast<float>(-term.weight / count),
                 .first = term.first,
                 .dy = term.dy.as<float>(),
                 .squares = squares});
  finish_term(q, op,
              {s.missing, s.images * s.tiles() * 3, squares, s.images * s.pixel_tiles(), 1 / count,
               term.weight / count},
              term);
}

}  // namespace dae
