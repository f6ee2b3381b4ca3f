// The weight gradient of the 3x3 convolutions of kernels/conv3x3_mma.h and
// kernels/residual_block.h:
//
//   dw[k, u, v, c] = sum over n, i, j of dy[n, i, j, k] * x[n, i+u-1, j+v-1, c], rounded
//                                                                    (x is zero outside)
//
// x and dy {N, H, W, C}, dw {C, 3, 3, C}: bf16, NHWC, C is 32 or 64; dw is written, not added to.
// Products are exact. Runs of pixels, whose bounds follow from the shape alone, are summed in f32
// in the hardware's order, the runs in fp64 one after another: the same bits in every run and on
// every GPU of a kind. On cuda alone. Throws Error naming the op when shapes, types, the device or
// an address (multiples of 16 bytes) do not fit. (The bias's gradient is kernels/bias.h's.)
#pragma once

#include "kernels/conv3x3_mma.h"
#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// Elements of the f32 workspace for maps of this shape.
int64_t conv3x3_mma_weights_workspace_count(const Shape& map);

void conv3x3_mma_weights(const Queue& q, const Tensor& x, const Tensor& dy, const Tensor& dw,
                         const Tensor& workspace);

// How the sum is cut: a block takes `run` tiles, one after the other.
struct MmaRuns {
  unsigned run, blocks;
};
MmaRuns mma_runs(const MmaTiles& tiles, unsigned most_blocks);
inline constexpr unsigned kMmaWeightsRuns = 128;  // about an H100's multiprocessors

namespace cuda {
void conv3x3_mma_weights(void* stream, const Tensor& x, const Tensor& dy, const Tensor& dw,
                         const Tensor& workspace);
}  // namespace cuda

}  // namespace dae
