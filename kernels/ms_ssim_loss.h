// 1 - MS-SSIM as a term of a sum (loss_term.h). MS-SSIM (Wang, Simoncelli & Bovik, 2003) of an
// image and channel is the product over scales s = 1 .. S of mean(cs_s)^w_s, with mean(l cs) in
// place of mean(cs) at the last; then the mean over images and channels. cs and l are SSIM's, with
// its window (ssim_passes.h); a scale is the 2x2 means of the one before, without the last row or
// column of an odd size. The weights are the paper's 0.0448, 0.2856, 0.3001, 0.2363, 0.1333 of the
// first S, divided by their sum; S is as many as fit: 5 from 176 pixels a side, 4 from 88, 3 from
// 44, 2 from 22.
//
// The value agrees with pytorch-msssim on even sizes (at odd ones it pads with zeros, which darkens
// the border) while every mean is at least L = kLeastSimilarity. A mean m below L, where powers
// have slopes without bound and then no value, counts as L^2 / (2 L - m), which meets it at L with
// the same slope and stays positive: a network whose first outputs are unlike any picture still has
// a gradient.
#pragma once

#include "kernels/loss_term.h"

namespace dae {

inline constexpr int kMostScales = 5;
inline constexpr double kLeastSimilarity = 0.01;

// S for images of this size; 0 below 11 pixels, where no window fits.
int ms_ssim_scales(int64_t height, int64_t width);

// The f32 elements of `workspace` on tensors of `shape`, H and W >= 22.
int64_t ms_ssim_loss_workspace_count(const Shape& shape);

// Throws Error naming the op and the shapes, H or W below 22 included: with one scale it would be
// SSIM.
void ms_ssim_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
                  const Tensor& workspace);

}  // namespace dae
