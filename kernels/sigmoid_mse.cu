// Layout NHWC; z and dz f32 or bf16. Floor of sigmoid_mse: reads z (4 bytes, 2 in bf16) and target
// (1), writes dz (4 or 2): 9 or 5 bytes an element; an exp and a division an element stay far below
// the memory's time. A block takes one chunk of kLossPixels pixels, so what it sums does not depend
// on the launch; its partial sum goes to the workspace and one small block adds those. Loads are a
// float a thread, whole lines a warp: 128-bit loads were left out because rows of 3-channel images
// need not be aligned to them.
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/loss_sum.cuh"
#include "kernels/sigmoid_mse.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

__device__ inline float sigmoid_of(float z) {
  return 1.0f / (1.0f + expf(-z));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    sigmoid_kernel(const T* __restrict__ z, float* __restrict__ y, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) y[i] = sigmoid_of(to_float(z[i]));
}

// z and dz may be the same memory, so neither is __restrict__.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sigmoid_mse_kernel(const T* z, const uint8_t* __restrict__ target, T* dz,
                       float* __restrict__ partial, int64_t image, unsigned chunks, float scale) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  const int64_t n = blockIdx.x / chunks;
  const int64_t begin = n * image + blockIdx.x % chunks * kLossPixels * 3;
  const int64_t chunk_end = begin + kLossPixels * 3, image_end = (n + 1) * image;
  const int64_t end = chunk_end < image_end ? chunk_end : image_end;
  float sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const float y = sigmoid_of(to_float(z[i]));
    const float error = y - over_255(target[i]);
    sum += error * error;
    dz[i] = from_float<T>(scale * error * y * (1 - y));
  }
  sum = Reduce(storage[0]).Sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x * kLossPartials] = sum;
}

}  // namespace

void sigmoid(void* stream, const Tensor& z, const Tensor& y) {
  with_element(z.dtype, [&](auto element) {
    using T = decltype(element);
    launch("sigmoid", sigmoid_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(z.count(), kThreads)), kThreads, 0, stream,
           z.as<const T>(), y.as<float>(), z.count());
  });
}

void sigmoid_mse(void* stream, const Tensor& z, const Tensor& target, const Tensor& dz,
                 const Tensor& loss, const Tensor& workspace) {
  const int64_t chunks = loss_chunks_an_image(z.shape), all = z.shape[0] * chunks;
  with_element(z.dtype, [&](auto element) {
    using T = decltype(element);
    launch("sigmoid_mse", sigmoid_mse_kernel<T>, static_cast<unsigned>(all), kThreads, 0, stream,
           z.as<const T>(), target.as<const uint8_t>(), dz.as<T>(), workspace.as<float>(),
           z.shape[1] * z.shape[2] * 3, chunks, 2.0f / static_cast<float>(z.count()));
  });
  launch("sigmoid_mse", loss_sum_kernel, 1, kLossSumThreads, 0, stream, workspace.as<const float>(),
         loss.as<float>(), all, static_cast<double>(z.count()));
}

}  // namespace dae::cuda
