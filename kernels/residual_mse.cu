// Layout NHWC; r and dr f32 or bf16. Floor of residual_mse: reads r and x (8 bytes, 6 in bf16) and
// target (1), writes dr (4 or 2): 13 or 9 bytes an element; residual_output 12 or 10. A block takes
// one chunk of kLossPixels pixels of one image, so what it sums does not depend on the launch. 192
// threads: a multiple of 3, so a thread meets one channel only and its gain and its gain's gradient
// stay in registers; of 32, so no warp is ragged. Rejected: a thread a pixel (a warp's loads then
// stride by 12 bytes and use every line three times).
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/gain_sum.cuh"
#include "kernels/loss_sum.cuh"
#include "kernels/residual_mse.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 192;

template <class T>
__global__ void __launch_bounds__(kThreads)
    residual_output_kernel(const T* __restrict__ r, const float* __restrict__ x,
                           const float* __restrict__ gain, float* __restrict__ y, Divisor image,
                           int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const float g = gain ? gain[image.split(i).quotient * 3 + i % 3] : 1.0f;
  y[i] = g * ((x ? x[i] : 0.0f) + to_float(r[i]));
}

// r and dr may be the same memory, so neither is __restrict__.
template <class T>
__global__ void __launch_bounds__(kThreads)
    residual_mse_kernel(const T* r, const float* __restrict__ x, const float* __restrict__ gain,
                        const uint8_t* __restrict__ target, T* dr, float* __restrict__ partial,
                        int64_t image, unsigned chunks, float scale) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, kLossPartials);
  const int64_t n = blockIdx.x / chunks;
  const int64_t begin = n * image + blockIdx.x % chunks * kLossPixels * 3;
  const int64_t chunk_end = begin + kLossPixels * 3, image_end = (n + 1) * image;
  const int64_t end = chunk_end < image_end ? chunk_end : image_end;
  const int channel = threadIdx.x % 3;  // begin and kThreads are multiples of 3
  const float g = gain ? gain[n * 3 + channel] : 1.0f;
  float square = 0, slope = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const float base = (x ? x[i] : 0.0f) + to_float(r[i]);
    const float error = g * base - over_255(target[i]);
    square += error * error;
    slope += scale * error * base;
    dr[i] = from_float<T>(scale * error * g);
  }
  float* const sums = partial + blockIdx.x * kLossPartials;
  square = Reduce(storage[0]).Sum(square);
  if (threadIdx.x == 0) sums[0] = square;
  // Each sum has its own storage: no barrier is needed between them.
  for (int c = 0; c < 3; c++) {
    const float of_channel = Reduce(storage[1 + c]).Sum(channel == c ? slope : 0.0f);
    if (threadIdx.x == 0) sums[1 + c] = of_channel;
  }
}

const float* floats_or_null(const Tensor& t) {
  return t.data ? t.as<const float>() : nullptr;
}

}  // namespace

void residual_output(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                     const Tensor& y) {
  with_element(r.dtype, [&](auto element) {
    using T = decltype(element);
    launch("residual_output", residual_output_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(r.count(), kThreads)), kThreads, 0, stream,
           r.as<const T>(), floats_or_null(x), floats_or_null(gain), y.as<float>(),
           r.shape[1] * r.shape[2] * 3, r.count());
  });
}

void residual_mse(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                  const Tensor& target, const Tensor& dr, const Tensor& dgain, const Tensor& loss,
                  const Tensor& workspace) {
  const int64_t chunks = loss_chunks_an_image(r.shape), all = r.shape[0] * chunks;
  with_element(r.dtype, [&](auto element) {
    using T = decltype(element);
    launch("residual_mse", residual_mse_kernel<T>, static_cast<unsigned>(all), kThreads, 0, stream,
           r.as<const T>(), floats_or_null(x), floats_or_null(gain), target.as<const uint8_t>(),
           dr.as<T>(), workspace.as<float>(), r.shape[1] * r.shape[2] * 3, chunks,
           2.0f / static_cast<float>(r.count()));
  });
  launch("residual_mse", loss_sum_kernel, 1, kLossSumThreads, 0, stream,
         workspace.as<const float>(), loss.as<float>(), all, static_cast<double>(r.count()));
  if (!gain.data) return;
  const int gains = static_cast<int>(r.shape[0]) * 3;
  launch("residual_mse", gain_sum_kernel, static_cast<unsigned>(ceil_div(gains, kGainSumThreads)),
         kGainSumThreads, 0, stream, workspace.as<const float>(), dgain.as<float>(), gains, chunks);
}

}  // namespace dae::cuda
