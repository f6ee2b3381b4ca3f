// Mean and maximum of each channel over the whole image: the features of unet's global path.
//
// Layout: x {N, H, W, C}, plain or blocked; y {N, 2C}: C means, then C maxima; both f32 or (cuda)
// bf16. argmax i32 {N, C}: the position h * W + w of each maximum, the first of equals. H, W >= 1.
// Throw Error naming the op and the shapes. The same bits for every number of threads.
#pragma once

#include "runtime/queue.h"
#include "runtime/tensor.h"

namespace dae {

void global_pool(const Queue& q, const Tensor& x, const Tensor& y, const Tensor& argmax);

// dx, written wholly: dmean / (H W) everywhere, plus dmax where the maximum was.
void global_pool_backward(const Queue& q, const Tensor& dy, const Tensor& argmax, const Tensor& dx);

namespace cuda {
void global_pool(void* stream, const Tensor& x, const Tensor& y, const Tensor& argmax);
void global_pool_backward(void* stream, const Tensor& dy, const Tensor& argmax, const Tensor& dx);
}  // namespace cuda

}  // namespace dae
