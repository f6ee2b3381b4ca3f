// Layout NHWC, f32. Floors: bias_relu reads and writes y, 8 bytes an element; relu_bias_backward
// reads y and dy and writes dy, 12 bytes an element (4 without ReLU).
//
// bias_relu: one element a thread, neighbouring threads on neighbouring channels, so every access
// is a full 128-byte line; the bias stays in the first-level cache.
//
// relu_bias_backward: a block owns kPixelsABlock pixels and all channels, 32 at a time: its 256
// threads are 8 rows of 32 channels, each walks every eighth pixel, and the rows are added through
// shared memory. Partial sums go to the workspace and a second kernel adds them in order, a thread
// a channel: no atomics, so the same bits in every run. Rejected: one pass with atomicAdd (order of
// additions changes from run to run); a block a channel (each load would use 4 of 128 bytes).
#include "kernels/bias.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256, kLanes = 32, kRows = kThreads / kLanes;
constexpr int kPixelsABlock = 512;  // as in relu_bias_backward_workspace_count

__global__ void __launch_bounds__(kThreads)
    bias_relu_kernel(const float* __restrict__ b, float* __restrict__ y, int64_t count,
                     int channels, bool relu) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const float sum = y[i] + b[i % channels];
  y[i] = relu && !(sum > 0) ? 0.0f : sum;
}

__global__ void __launch_bounds__(kThreads)
    relu_bias_backward_kernel(const float* __restrict__ y, float* __restrict__ dy,
                              float* __restrict__ partial, int64_t pixels, int channels,
                              bool relu) {
  DAE_SHARED(float, sums, kThreads);
  const int lane = threadIdx.x % kLanes, row = threadIdx.x / kLanes;
  const int channel = blockIdx.y * kLanes + lane;
  const int64_t first = int64_t{blockIdx.x} * kPixelsABlock;
  const int64_t last = first + kPixelsABlock < pixels ? first + kPixelsABlock : pixels;
  float sum = 0;
  if (channel < channels)
    for (int64_t pixel = first + row; pixel < last; pixel += kRows) {
      const int64_t i = pixel * channels + channel;
      float gradient = dy[i];
      if (relu && !(y[i] > 0)) {
        gradient = 0;
        dy[i] = 0;
      }
      sum += gradient;
    }
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (row == 0 && channel < channels) {
    for (int other = 1; other < kRows; other++) sum += sums[other * kLanes + lane];
    partial[int64_t{blockIdx.x} * channels + channel] = sum;
  }
}

__global__ void __launch_bounds__(kThreads)
    sum_partials_kernel(const float* __restrict__ partial, float* __restrict__ db, int blocks,
                        int channels) {
  const int channel = blockIdx.x * kThreads + threadIdx.x;
  if (channel >= channels) return;
  double sum = 0;
  for (int64_t block = 0; block < blocks; block++) sum += partial[block * channels + channel];
  db[channel] = static_cast<float>(sum);
}

}  // namespace

void bias_relu(void* stream, const Tensor& b, const Tensor& y, bool relu) {
  launch("bias_relu", bias_relu_kernel,
         static_cast<unsigned>(ceil_div<int64_t>(y.count(), kThreads)), kThreads, 0, stream,
         b.as<const float>(), y.as<float>(), y.count(), static_cast<int>(y.shape[3]), relu);
}

void relu_bias_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace) {
  const int64_t pixels = dy.shape[0] * dy.shape[1] * dy.shape[2];
  const int channels = static_cast<int>(dy.shape[3]);
  const auto blocks = static_cast<unsigned>(ceil_div<int64_t>(pixels, kPixelsABlock));
  launch("relu_bias_backward", relu_bias_backward_kernel,
         dim3(blocks, static_cast<unsigned>(ceil_div(channels, kLanes))), kThreads, 0, stream,
         relu ? y.as<const float>() : nullptr, dy.as<float>(), workspace.as<float>(), pixels,
         channels, relu);
  launch("relu_bias_backward", sum_partials_kernel,
         static_cast<unsigned>(ceil_div(channels, kThreads)), kThreads, 0, stream,
         workspace.as<const float>(), db.as<float>(), static_cast<int>(blocks), channels);
}

}  // namespace dae::cuda
