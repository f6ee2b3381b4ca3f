// ReLU's gradient, and addition. ReLU itself is fused into what comes before it
// (kernels/layers/conv2d.h, kernels/layers/dense.h, kernels/bias.h).
//
// Tensors of one type, f32 or (cuda) bf16, one shape and one layout, whichever it is. Throw Error
// naming the op and the shapes when they differ. Empty tensors are no work. Exact but for one
// rounding of a bf16 sum: the same bits on every device.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// In place: dy = y > 0 ? dy : 0, where y is what ReLU gave.
void relu_backward(const Queue& q, const Tensor& y, const Tensor& dy);

// In place: y += x.
void add(const Queue& q, const Tensor& x, const Tensor& y);

namespace cuda {
void relu_backward(void* stream, const Tensor& y, const Tensor& dy);
void add(void* stream, const Tensor& x, const Tensor& y);
}  // namespace cuda

}  // namespace dae
