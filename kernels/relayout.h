// Copies a feature map from one channel layout to another: y holds x's elements, stored as y.block
// says. Needed on the CPU alone, where a blocked feature map meets a dense layer.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// x and y f32, of one NHWC shape, each plain or blocked. Throws Error naming the shapes otherwise.
void relayout(const Queue& q, const Tensor& x, const Tensor& y);

}  // namespace dae
