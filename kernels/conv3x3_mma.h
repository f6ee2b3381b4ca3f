// The 3x3 convolution of feature maps in bf16 on a GPU's tensor cores, written out: the simplest
// form of what kernels/residual_block.h does twice.
//
//   y[n, i, j, k] = b[k] + sum over u, v, c of x[n, i+u-1, j+v-1, c] * w[k, u, v, c],
//   then ReLU where it is asked for, then rounded                    (x is zero outside)
//
// x and y {N, H, W, C}, w {C, 3, 3, C}, b {C}: bf16, NHWC, C is 32 or 64. Products are exact, sums
// are f32 in the hardware's order, which is the same in every run. On cuda alone: the CPU has
// kernels/layers/conv2d.h. Throws Error naming the op when shapes, types, the device or an address
// (all multiples of 16 bytes) do not fit. Empty tensors are no work.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

void conv3x3_mma(const Queue& q, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
                 bool relu);

// Whether tensor cores' ops are for such maps: NHWC, bf16, 32 or 64 channels.
bool suits_mma(const Shape& map, DType dtype);

// How such an op cuts a map into tiles of 16 x 16 pixels, row by row and image by image.
inline constexpr int kMmaSide = 16;
struct MmaTiles {
  unsigned down, across, count;
};
MmaTiles mma_tiles(const Shape& map);

// For ops of this kind: throws Error naming `op` unless `map` is one that they can compute on, on
// `device`; unless `tensor` is bf16, of this shape and aligned.
void check_mma_map(const char* op, const char* what, const Tensor& map, Device device);
void check_mma_tensor(const char* op, const char* what, const Tensor& tensor, const Shape& shape);

namespace cuda {
void conv3x3_mma(void* stream, const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& y,
                 bool relu);
}  // namespace cuda

}  // namespace dae
