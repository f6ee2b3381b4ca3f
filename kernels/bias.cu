// Layout NHWC, f32 or bf16. Floors: bias_relu reads and writes y (and reads the addend), 8 (12)
// bytes an f32 element; relu_bias_backward reads y and dy and writes dy, 12 bytes an element (reads
// dy alone without ReLU: 4). Half of that in bf16.
//
// Both move sixteen bytes of adjacent channels a thread where channel count and addresses allow it,
// and one element where not, such as three channels.
//
// bias_relu: neighbouring threads on neighbouring channels, so every access is whole lines; the
// bias stays in the first-level cache.
//
// relu_bias_backward: a block owns a run of pixels and all channels (256 units of 16 bytes at most;
// more take another row of blocks). Its threads are rows of one pixel's channels, so a thread keeps
// its channels' sums in registers while it walks every rows-th pixel; the rows are then added
// through shared memory, in order. Partial sums go to the workspace, and kernels/partial_sums.h adds
// those, of one op or of many. Runs are 64
// pixels or more and at most about 1024 blocks: eight a SM keep its memory pipeline full, in 32
// registers (left alone the compiler takes 40 in bf16, and six fit). ReLU is a template's argument:
// y behind a branch would be loaded only once dy has arrived. Rejected: one pass with atomicAdd
// (the order of additions changes from run to run); a block a channel (each load would use 4 of 128
// bytes).
#include "kernels/bias.h"
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/partial_sums.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

// `units` of V elements; `channels` counts units as well.
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    bias_relu_kernel(const T* __restrict__ b, const T* __restrict__ addend, T* __restrict__ y,
                     int64_t units, Divisor channels, bool relu) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= units) return;
  T bias[V], extra[V], value[V];
  load<T, V>(b + channels.split(i).rest * V, bias);
  if (addend) load<T, V>(addend + i * V, extra);
  load<T, V>(y + i * V, value);
  for (int k = 0; k < V; k++) {
    float sum = to_float(value[k]) + to_float(bias[k]);
    if (addend) sum += to_float(extra[k]);
    value[k] = from_float<T>(relu && !(sum > 0) ? 0.0f : sum);
  }
  store<T, V>(y + i * V, value);
}

template <class T, int V, bool kRelu>
__global__ void __launch_bounds__(kThreads, 8)
    relu_bias_backward_kernel(const T* __restrict__ y, T* __restrict__ dy,
                              float* __restrict__ partial, int64_t pixels, int pixels_a_block,
                              int channels) {
  DAE_SHARED(float, sums, kThreads* V);
  const int first_unit = blockIdx.y * kThreads, all_units = channels / V;
  const int units = all_units - first_unit < kThreads ? all_units - first_unit : kThreads;
  const int rows = kThreads / units, row = threadIdx.x / units, unit = threadIdx.x % units;
  const int64_t first = int64_t{blockIdx.x} * pixels_a_block;
  const int run =
      pixels - first < pixels_a_block ? static_cast<int>(pixels - first) : pixels_a_block;
  float sum[V] = {};
  if (row < rows)
    for (int pixel = row; pixel < run; pixel += rows) {
      const int64_t at = (first + pixel) * channels + (first_unit + unit) * V;
      T gradient[V], value[V];
      load<T, V>(dy + at, gradient);
      if constexpr (kRelu) {
        load<T, V>(y + at, value);
        for (int k = 0; k < V; k++)
          if (!(to_float(value[k]) > 0)) gradient[k] = from_float<T>(0.0f);
        store<T, V>(dy + at, gradient);
      }
      for (int k = 0; k < V; k++) sum[k] += to_float(gradient[k]);
    }
  for (int k = 0; k < V; k++) sums[threadIdx.x * V + k] = sum[k];
  __syncthreads();
  for (int c = threadIdx.x; c < units * V; c += kThreads) {
    float total = sums[c];
    for (int other = 1; other < rows; other++) total += sums[other * units * V + c];
    partial[int64_t{blockIdx.x} * channels + first_unit * V + c] = total;
  }
}

}  // namespace

void bias_relu(void* stream, const Tensor& b, const Tensor& addend, const Tensor& y, bool relu) {
  const bool packs = pack_aligned(b) && pack_aligned(addend) && pack_aligned(y);
  with_unit(y, packs, [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    const int64_t units = y.count() / V;
    launch("bias_relu", bias_relu_kernel<T, V>,
           static_cast<unsigned>(ceil_div<int64_t>(units, kThreads)), kThreads, 0, stream,
           b.as<const T>(), addend.data ? addend.as<const T>() : nullptr, y.as<T>(), units,
           y.shape[3] / V, relu);
  });
}

void relu_bias_backward(void* stream, const Tensor& y, const Tensor& dy, const Tensor& db,
                        bool relu, const Tensor& workspace) {
  const int64_t pixels = dy.shape[0] * dy.shape[1] * dy.shape[2];
  const int64_t pixels_a_block = bias_backward_pixels_a_block(pixels);
  const int channels = static_cast<int>(dy.shape[3]);
  const auto blocks = static_cast<unsigned>(bias_backward_blocks(pixels));
  with_unit(dy, pack_aligned(dy) && pack_aligned(y), [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    launch("relu_bias_backward",
           relu ? relu_bias_backward_kernel<T, V, true> : relu_bias_backward_kernel<T, V, false>,
           dim3(blocks, static_cast<unsigned>(ceil_div(channels / V, kThreads))), kThreads, 0,
           stream, relu ? y.as<const T>() : nullptr, dy.as<T>(), workspace.as<float>(), pixels,
           pixels_a_block, channels);
  });
  if (!db.data) return;
  const PartialSum sum[] = {{{workspace.data, {int64_t{blocks}, dy.shape[3]}}, db}};
  sum_partials(stream, sum);
}

}  // namespace dae::cuda
