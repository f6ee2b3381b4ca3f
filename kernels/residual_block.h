// A residual block of feature maps in bf16 as one op on a GPU's tensor cores, and what its gradient
// needs:
//
//   h = round(ReLU(conv(x, w1) + b1))        conv: 3x3, padding 1 (kernels/layers/conv2d.h)
//   y = round(x + conv(h, w2) + b2)
//
// and backwards, from dy:
//
//   dh = round(h > 0 ? conv's data gradient of dy by w2 : 0)
//   dx = round(dy + conv's data gradient of dh by w1)
//   sums = of dh and of dx over pixels: what kernels/partial_sums.h adds up to the gradients of b1 and of the
//          bias with which x was made, if nothing else makes part of x's gradient
//   filter_sums = where they are asked for: what it adds up to the gradient of w2, that of
//          kernels/conv3x3_mma_weights.h by h and dy
//
// All maps {N, H, W, C}, filters {C, 3, 3, C}, biases {C}: bf16, NHWC, C is 32 or 64. Products are
// exact, sums are f32 in the hardware's order, which is the same in every run; h and dh are rounded
// as when they go through memory, so a block is what its convolutions are one by one. `sums` is f32
// {2, tiles, C}: rows of dh's tiles, then of dx's; `filter_sums` f32 {runs of tiles, 9 C^2}, and for 32
// channels alone. The filters' gradients that are left, of x and dh and else of h and dy, are
// kernels/conv3x3_mma_weights.h's or a library's. On cuda alone. h and dh are written for what comes after; a
// forward pass that nothing comes after leaves h out ({}). Throws Error naming the op when shapes, types, the device or an address (all
// multiples of 16 bytes) do not fit. Empty tensors are no work.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

void residual_block(const Queue& q, const Tensor& x, const Tensor& w1, const Tensor& b1,
                    const Tensor& w2, const Tensor& b2, const Tensor& h, const Tensor& y);

void residual_block_backward(const Queue& q, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums, const Tensor& filter_sums = {});

// The shapes of its sums for maps of this shape. The runs, whose bounds follow from that alone, are as many as two for
// each of an H100's multiprocessors, or fewer.
Shape residual_block_sums(const Shape& map);
Shape residual_block_filter_sums(const Shape& map);
inline constexpr unsigned kResidualBlockRuns = 256;

// Whether filter_sums can be asked for.
bool suits_filter_sums(const Shape& map);

namespace cuda {
void residual_block(void* stream, const Tensor& x, const Tensor& w1, const Tensor& b1,
                    const Tensor& w2, const Tensor& b2, const Tensor& h, const Tensor& y);
void residual_block_backward(void* stream, const Tensor& dy, const Tensor& w1, const Tensor& w2,
                             const Tensor& h, const Tensor& dh, const Tensor& dx,
                             const Tensor& sums, const Tensor& filter_sums);
}  // namespace cuda

}  // namespace dae
