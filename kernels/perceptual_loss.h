// The steps of a perceptual loss that are no layers. model/perceptual.h puts them together: a
// frozen network's layers look at the restoration y and at the clean picture, feature_distance
// compares what each saw, the layers lead the gradients back to the picture, and perceptual_loss
// ends it as a term of a sum (loss_term.h). Throw Error naming the op and the shapes.
#pragma once

#include "kernels/loss_term.h"

namespace dae {

// y = x / 255, correctly rounded: what the layers see of a clean picture. x u8, y f32, of one
// shape, plain.
void unit_picture(const Queue& q, const Tensor& x, const Tensor& y);

// How many partial sums a tensor of this shape has.
int64_t feature_chunks(const Shape& shape);

// sums[k] = scale * the sum of (x - target)^2 over chunk k, in memory order
// dx      = 2 scale (x - target)
//
// x, target and dx f32, not empty, of any shape and, on the CPU, any one layout; sums f32
// {feature_chunks(x.shape)}. With scale = 1 / count the sums add up to the mean.
void feature_distance(const Queue& q, const Tensor& x, const Tensor& target, float scale,
                      const Tensor& dx, const Tensor& sums);

// The end of the term, whose value is the sum of `sums` f32 {any} and whose gradient by the
// restoration is g f32 {N, H, W, 3}. `workspace` is f32 {feature_chunks(g.shape)} or larger.
void perceptual_loss(const Queue& q, const Tensor& g, const Tensor& sums, const LossTerm& term,
                     const Tensor& workspace);

namespace cuda {
void unit_picture(void* stream, const Tensor& x, const Tensor& y);
void feature_distance(void* stream, const Tensor& x, const Tensor& target, float scale,
                      const Tensor& dx, const Tensor& sums);
// dy, and the sum of squares of each chunk of g.
void perceptual_loss(void* stream, const Tensor& g, const LossTerm& term, float* squares);
}  // namespace cuda

}  // namespace dae
