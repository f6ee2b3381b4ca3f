// Floors: sigmoid_backward reads y and dy and writes dz, 12 bytes an element (10 with dz in bf16);
// residual_output_backward reads r, x and dy and writes dr, 16 (12). A block of the latter takes
// one chunk of kLossPixels pixels of one image, 192 threads, for the reasons that residual_mse.cu
// gives. Rejected: making dr in the last term's kernel, which saves reading dy but needs each term
// in a sigmoid and a residual form.
#include "kernels/elements.cuh"
#include "kernels/gain_sum.cuh"
#include "kernels/output_backward.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 192;

template <class T>
__global__ void __launch_bounds__(kThreads)
    sigmoid_backward_kernel(const float* __restrict__ y, const float* __restrict__ dy,
                            T* __restrict__ dz, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) dz[i] = from_float<T>(dy[i] * y[i] * (1 - y[i]));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    residual_output_backward_kernel(const T* __restrict__ r, const float* __restrict__ x,
                                    const float* __restrict__ gain, const float* __restrict__ dy,
                                    T* __restrict__ dr, float* __restrict__ partial, int64_t image,
                                    unsigned chunks) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 3);
  const int64_t n = blockIdx.x / chunks;
  const int64_t begin = n * image + blockIdx.x % chunks * kLossPixels * 3;
  const int64_t chunk_end = begin + kLossPixels * 3, image_end = (n + 1) * image;
  const int64_t end = chunk_end < image_end ? chunk_end : image_end;
  const int channel = threadIdx.x % 3;  // begin and kThreads are multiples of 3
  const float g = gain ? gain[n * 3 + channel] : 1.0f;
  float slope = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    slope += dy[i] * ((x ? x[i] : 0.0f) + to_float(r[i]));
    dr[i] = from_float<T>(dy[i] * g);
  }
  // Each sum has its own storage: no barrier is needed between them.
  for (int c = 0; c < 3; c++) {
    const float of_channel = Reduce(storage[c]).Sum(channel == c ? slope : 0.0f);
    if (threadIdx.x == 0) partial[blockIdx.x * kLossPartials + 1 + c] = of_channel;
  }
}

}  // namespace

void sigmoid_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& dz) {
  with_element(dz.dtype, [&](auto element) {
    using T = decltype(element);
    launch("sigmoid_backward", sigmoid_backward_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(y.count(), kThreads)), kThreads, 0, stream,
           y.as<const float>(), dy.as<const float>(), dz.as<T>(), y.count());
  });
}

void residual_output_backward(void* stream, const Tensor& r, const Tensor& x, const Tensor& gain,
                              const Tensor& dy, const Tensor& dr, const Tensor& dgain,
                              const Tensor& workspace) {
  const char* const op = "residual_output_backward";
  const int64_t chunks = loss_chunks_an_image(r.shape);
  with_element(r.dtype, [&](auto element) {
    using T = decltype(element);
    launch(op, residual_output_backward_kernel<T>, static_cast<unsigned>(r.shape[0] * chunks),
           kThreads, 0, stream, r.as<const T>(), x.data ? x.as<const float>() : nullptr,
           gain.data ? gain.as<const float>() : nullptr, dy.as<const float>(), dr.as<T>(),
           workspace.as<float>(), r.shape[1] * r.shape[2] * 3, chunks);
  });
  if (!gain.data) return;
  const int gains = static_cast<int>(r.shape[0]) * 3;
  launch(op, gain_sum_kernel, static_cast<unsigned>(ceil_div(gains, kGainSumThreads)),
         kGainSumThreads, 0, stream, workspace.as<const float>(), dgain.as<float>(), gains, chunks);
}

}  // namespace dae::cuda
