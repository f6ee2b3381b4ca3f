// Rounds f32 to bf16: a network's input, and its weights before the first step (after that Adam
// writes them, kernels/adam.h).
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// y = x rounded to nearest, ties to even. x f32 and y bf16 of one shape, plain. Throws Error naming
// the shapes. The same bits on every device.
void cast(const Queue& q, const Tensor& x, const Tensor& y);

namespace cuda {
void cast(void* stream, const Tensor& x, const Tensor& y);
}

}  // namespace dae
