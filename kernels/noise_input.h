// What a network with a noise input sees: a picture of half the size, whose pixel has the four it is
// made of and beside each how noisy the picture is (after FFDNet, Zhang, Zuo & Zhang, 2018).
// Convolutions are fast for sixteen channels on every device; of four, the gradient of a convolution's
// weights took oneDNN ten times as long as all else in a step.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

// Times a standard deviation in units of pixels that lie in [0, 1]: 0 to 1 for noise of up to
// 64/255, which first weights are scaled for.
inline constexpr float kNoiseInputScale = 255.0f / 64;

// For a, b in {0, 1}, k = 4 (2a + b):
//   y[n, i, j, k + c] = x[n, 2i + a, 2j + b, c]    for the three channels c of x,
//   y[n, i, j, k + 3] = kNoiseInputScale told[n].
// x f32 {N, H, W, 3}, H and W even, told f32 {N}, y f32 {N, H/2, W/2, 16}, plain. Throws Error naming
// the shapes. The same bits on every device. No gradient: nothing of it is learnt.
void noise_input(const Queue& q, const Tensor& x, const Tensor& told, const Tensor& y);

namespace cuda {
void noise_input(void* stream, const Tensor& x, const Tensor& told, const Tensor& y);
}

}  // namespace dae
