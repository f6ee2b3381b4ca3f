// The steps between SSIM's passes. halve: a thread an element of the halved images, 5 or 8 bytes
// read an element of the larger one and 2 written; neighbours read every other pixel of two rows,
// so all of each line is used by a warp and the next. multiply_scales: a thread an image and
// channel, which adds its tiles in order in fp64: a few hundred threads of latency, which a block
// an image with a reduction would shorten for large pictures; crops have some dozen tiles.
#include "kernels/ms_ssim_steps.h"
#include "kernels/ssim_passes.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256, kProductThreads = 64;

template <class T>
__device__ inline float mean_of_four(const T* from, int64_t at, int64_t row) {
  return 0.25f * ((ssim_value(from, at) + ssim_value(from, at + 3)) +
                  (ssim_value(from, at + row) + ssim_value(from, at + row + 3)));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    halve_kernel(Halving h, const T* __restrict__ target, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t at = halving_source(h, i);
  h.half_y[i] = mean_of_four(h.y, at, h.width * 3);
  h.half_target[i] = mean_of_four(target, at, h.width * 3);
}

__global__ void __launch_bounds__(kProductThreads) multiply_scales_kernel(ScaleProduct product) {
  const int64_t i = int64_t{blockIdx.x} * kProductThreads + threadIdx.x;
  if (i < product.images * 3) dae::multiply_scales(product, i);
}

template <class T>
void launch_halve(void* stream, const char* op, const Halving& h) {
  const int64_t count = h.images * (h.height / 2) * (h.width / 2) * 3;
  launch(op, halve_kernel<T>, static_cast<unsigned>(ceil_div<int64_t>(count, kThreads)), kThreads,
         0, stream, h, static_cast<const T*>(h.target), count);
}

}  // namespace

void halve(void* stream, const char* op, const Halving& h) {
  h.target_u8 ? launch_halve<uint8_t>(stream, op, h) : launch_halve<float>(stream, op, h);
}

void multiply_scales(void* stream, const char* op, const ScaleProduct& product) {
  launch(op, multiply_scales_kernel,
         static_cast<unsigned>(ceil_div<int64_t>(product.images * 3, kProductThreads)),
         kProductThreads, 0, stream, product);
}

}  // namespace dae::cuda
