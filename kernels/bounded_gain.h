// g = exp(tanh(o)): a positive factor that stays within [1/e, e], one at o = 0. The unbounded
// exp(o) diverged within ten minutes of training.
//
// Any equal shapes, plain layout; g and dg f32, o and d_o f32 or (cuda) bf16. Throw Error naming
// the op and the shapes.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

void bounded_gain(const Queue& q, const Tensor& o, const Tensor& g);

// d_o = dg g (1 - tanh(o)^2).
void bounded_gain_backward(const Queue& q, const Tensor& o, const Tensor& g, const Tensor& dg,
                           const Tensor& d_o);

namespace cuda {
void bounded_gain(void* stream, const Tensor& o, const Tensor& g);
void bounded_gain_backward(void* stream, const Tensor& o, const Tensor& g, const Tensor& dg,
                           const Tensor& d_o);
}  // namespace cuda

}  // namespace dae
