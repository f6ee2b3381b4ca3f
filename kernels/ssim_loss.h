// 1 - SSIM as a term of a sum (loss_term.h): ssim_passes.h has the formula. The mean runs over all
// 11x11 windows that lie inside an image, channel by channel, as in scikit-image with data_range 1,
// gaussian_weights, sigma 1.5, use_sample_covariance False, with which the value agrees (and so
// with quality/ssim.h, which measures in fp64). y is not clamped.
#pragma once

#include "kernels/loss_term.h"

namespace dae {

// The f32 elements of `workspace` on tensors of `shape`, H and W >= 11.
int64_t ssim_loss_workspace_count(const Shape& shape);

// Throws Error naming the op and the shapes, H or W below 11 included.
void ssim_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
               const Tensor& workspace);

}  // namespace dae
