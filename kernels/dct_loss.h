// A loss over frequencies, as a term of a sum (loss_term.h): the mean absolute value of the
// orthonormal 8x8 block DCT of e = y - target / 255, channel by channel, and its gradient, which is
// the inverse DCT of sign(coefficient) / count, with sign(0) = 0.
//
// Why L1: the transform is orthonormal, so the mean square of the coefficients is the mean square
// of e (Parseval), and L2 would be MSE under another name. L1 gives every frequency that is wrong
// the same pull whatever its amplitude, where MSE's is proportional to it: the faint high
// frequencies that make detail count as much as exposure does. Why a block DCT: pictures are sparse
// in it, so a frequency that is wrong stays one coefficient and not a fringe on many, as for a
// Fourier transform of the crop; the blocks of training crops fall at random places of the
// photographs, so no grid is learnt from them. No library is needed: eight numbers a line.
#pragma once

#include "kernels/loss_term.h"

namespace dae {

// The f32 elements of `workspace` on tensors of `shape`.
int64_t dct_loss_workspace_count(const Shape& shape);

// H and W are multiples of 8. Throws Error naming the op and the shapes.
void dct_loss(const Queue& q, const Tensor& y, const Tensor& target, const LossTerm& term,
              const Tensor& workspace);

// Blocks whose coefficients leave one partial sum: eight beside each other.
inline constexpr int64_t kDctBlocksAStrip = 8;

namespace cuda {
// The gradient, and the partial sums of each strip: values {strips} of |coefficient|, squares
// {strips} of coefficients that are not zero.
void dct_loss(void* stream, const Tensor& y, const Tensor& target, const LossTerm& term,
              float* values, float* squares);
}  // namespace cuda

}  // namespace dae
