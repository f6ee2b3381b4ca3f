// Layout NHWC, f32. Floor: 12 bytes read and 16 written a pixel; the level is one load for all of a
// view, from the L1 cache.
//
// A thread takes a pixel of x, in the order of y: three loads, which neighbours complete to whole
// lines, and one store of 16 bytes, where the address allows it. Blocks of 256, no shared memory.
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/noise_input.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

template <int V>
__global__ void __launch_bounds__(kThreads)
    noise_input_kernel(const float* __restrict__ x, const float* __restrict__ told,
                       float* __restrict__ y, int64_t pixels, Divisor rows, Divisor columns) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at >= pixels) return;
  const int phase = static_cast<int>(at % 4);
  const auto [row, j] = columns.split(at / 4);  // of y, over all views
  const float noise = told[rows.split(row).quotient];
  const float* const from =
      x + ((2 * row + phase / 2) * 2 * columns.value() + 2 * j + phase % 2) * 3;
  const float value[4] = {from[0], from[1], from[2], kNoiseInputScale * noise};
  for (int c = 0; c < 4; c += V) {
    float piece[V];
    for (int k = 0; k < V; k++) piece[k] = value[c + k];
    store<float, V>(y + 4 * at + c, piece);
  }
}

}  // namespace

void noise_input(void* stream, const Tensor& x, const Tensor& told, const Tensor& y) {
  const int64_t pixels = y.count() / 4;
  launch("noise_input", pack_aligned(y) ? noise_input_kernel<4> : noise_input_kernel<1>,
         static_cast<unsigned>(ceil_div<int64_t>(pixels, kThreads)), kThreads, 0, stream,
         x.as<const float>(), told.as<const float>(), y.as<float>(), pixels, y.shape[1],
         y.shape[2]);
}

}  // namespace dae::cuda
