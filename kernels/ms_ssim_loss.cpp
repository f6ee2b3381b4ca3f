#include "kernels/ms_ssim_loss.h"

#include <algorithm>

#include "kernels/ms_ssim_steps.h"
#include "kernels/ssim_passes.h"
#include "runtime/dispatch.h"
#include "runtime/parallel.h"

namespace dae {
namespace {

constexpr double kWeights[kMostScales] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

// Everything in the workspace; `begin` may be null, to count.
struct Pyramid {
  SsimScale scale[kMostScales];
  // Of all scales but the first, whose are the op's arguments.
  float *y[kMostScales] = {}, *target[kMostScales] = {}, *dy[kMostScales] = {};
  ScaleProduct product;
  float* squares;  // one array for all scales: only the first scale's counts, and is made last
  int64_t count = 0;

  Pyramid(const Shape& shape, float* begin) {
    const auto take = [&](int64_t elements) {
      float* const at = begin ? begin + count : nullptr;
      count += elements;
      return at;
    };
    product.images = shape[0];
    product.scales = ms_ssim_scales(shape[1], shape[2]);
    double sum = 0;
    for (int s = 0; s < product.scales; s++) sum += kWeights[s];
    for (int s = 0; s < product.scales; s++) {
      SsimScale& here = scale[s];
      here = {.images = shape[0],
              .height = shape[1] >> s,
              .width = shape[2] >> s,
              .luminance = s == product.scales - 1};
      if (s > 0) {
        const int64_t elements = here.images * here.height * here.width * 3;
        here.y = y[s] = take(elements);
        here.target = target[s] = take(elements);
        dy[s] = take(elements);
      }
      here.maps = take(3 * here.map_count());
      here.missing = take(here.images * here.tiles() * 3);
      product.scale[s] = {here.missing, here.tiles(), here.positions(), kWeights[s] / sum,
                          take(here.images * 3)};
    }
    product.values = take(shape[0] * 3);
    squares = take(scale[0].images * scale[0].pixel_tiles());
  }
};

template <class T>
void halve_cpu(const Halving& h, const T* target) {
  parallel_chunks(h.images * (h.height / 2) * (h.width / 2) * 3, 4096,
                  [&](int64_t begin, int64_t end) {
                    for (int64_t i = begin; i < end; i++) {
                      const int64_t a = halving_source(h, i), b = a + h.width * 3;
                      const auto mean = [=](const auto* from) {
                        return 0.25f * ((ssim_value(from, a) + ssim_value(from, a + 3)) +
                                        (ssim_value(from, b) + ssim_value(from, b + 3)));
                      };
                      h.half_y[i] = mean(h.y);
                      h.half_target[i] = mean(target);
                    }
                  });
}

void halve_cpu(const Halving& h) {
  if (h.target_u8)
    halve_cpu(h, static_cast<const uint8_t*>(h.target));
  else
    halve_cpu(h, static_cast<const float*>(h.target));
}

void multiply_scales_cpu(const ScaleProduct& product) {
  for (int64_t i = 0; i < product.images * 3; i++) multiply_scales(product, i);
}

}  // namespace

int ms_ssim_scales(int64_t height, int64_t width) {
  int scales = 0;
  for (int64_t side = std::min(height, width); side >= kSsimWindow && scales < kMostScales;
       side /= 2)
    scales++;
  return scales;
}

int64_t ms_ssim_loss_workspace_count(const Shape& shape) {
  return Pyramid(shape, nullptr).count;
}

void ms_ssim_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
                  const Tensor& workspace) {
  const char* const op = "ms_ssim_loss";
  if (y.shape.rank() == 4 && ms_ssim_scales(y.shape[1], y.shape[2]) < 2)
    fail("{}: two scales of {}x{} windows do not fit into y ({})", op, +kSsimWindow, +kSsimWindow,
         to_string(y));
  check_term(op, y, target, term, workspace, ms_ssim_loss_workspace_count(y.shape));
  Pyramid p(y.shape, workspace.as<float>());
  p.scale[0].y = y.as<const float>();
  p.scale[0].target = target.data;
  p.scale[0].target_u8 = true;
  const int last = p.product.scales - 1;
  for (int s = 0; s <= last; s++) {
    const SsimScale& here = p.scale[s];
    ssim_maps(q, op, here);
    if (s == last) break;
    const Halving halving{here.y,      here.target, here.target_u8, here.images,
                          here.height, here.width,  p.y[s + 1],     p.target[s + 1]};
    DAE_DISPATCH(q, halve_cpu(halving), cuda::halve(q.stream, op, halving));
  }
  DAE_DISPATCH(q, multiply_scales_cpu(p.product), cuda::multiply_scales(q.stream, op, p.product));
  // From the coarsest scale on, each adds a quarter of the coarser one's gradient to its own.
  for (int s = last; s >= 0; s--)
    ssim_gradient(q, op, p.scale[s],
                  {.factor = p.product.scale[s].factor,
                   .coarser = s == last ? nullptr : p.dy[s + 1],
                   .weight = s == 0 ? term.weight : 1,
                   .first = s > 0 || term.first,
                   .dy = s == 0 ? term.dy.as<float>() : p.dy[s],
                   .squares = p.squares});
  const int64_t values = p.product.images * 3;
  finish_term(q, op,
              {p.product.values, values, p.squares, p.scale[0].images * p.scale[0].pixel_tiles(),
               1 / static_cast<double>(values), term.weight},
              term);
}

}  // namespace dae
