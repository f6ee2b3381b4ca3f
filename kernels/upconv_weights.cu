// Layouts as in the header, f32 or bf16. Both directions move at most (9 + 16) K C elements, 1.6 MB
// for 128 channels in f32: microseconds, bound by the launch. One thread an output element
// (forward: of the 4x4 form), neighbouring threads on neighbouring outputs; reads of the transposed
// side stride by a row and are served by the second-level cache, which holds all of it. A tiled
// transpose through shared memory was rejected: nothing to win below launch time.
#include "kernels/elements.cuh"
#include "kernels/upconv_taps.h"
#include "kernels/upconv_weights.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    upconv_weights_kernel(const float* __restrict__ w3, T* __restrict__ w, int filters,
                          int channels, bool phases) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= channels * 16 * filters) return;
  const int k = i % filters, v = i / filters % 4, u = i / (4 * filters) % 4, c = i / (16 * filters);
  float sum = 0;
  for (int y = first_tap3(u); y <= last_tap3(u); y++)
    for (int x = first_tap3(v); x <= last_tap3(v); x++)
      sum += w3[((k * 3 + y) * 3 + x) * channels + c];
  w[upconv_index(phases, u, v, k, c, filters, channels)] = from_float<T>(sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    upconv_weights_backward_kernel(const T* __restrict__ dw, T* __restrict__ dw3, int filters,
                                   int channels, bool phases) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= filters * 9 * channels) return;
  const int c = i % channels, k = i / (9 * channels);
  const int v = first_tap4(i / channels % 3), u = first_tap4(i / (3 * channels) % 3);
  const auto tap = [=](int y, int x) {
    return to_float(dw[upconv_index(phases, u + y, v + x, k, c, filters, channels)]);
  };
  dw3[i] = from_float<T>((tap(0, 0) + tap(0, 1)) + (tap(1, 0) + tap(1, 1)));
}

}  // namespace

void upconv_weights(void* stream, const Tensor& w3, const Tensor& w) {
  with_element(w.dtype, [&](auto element) {
    using T = decltype(element);
    launch("upconv_weights", upconv_weights_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(w.count(), kThreads)), kThreads, 0, stream,
           w3.as<const float>(), w.as<T>(), static_cast<int>(w3.shape[0]),
           static_cast<int>(w3.shape[3]), has_phases(w));
  });
}

void upconv_weights_backward(void* stream, const Tensor& dw, const Tensor& dw3) {
  with_element(dw3.dtype, [&](auto element) {
    using T = decltype(element);
    launch("upconv_weights_backward", upconv_weights_backward_kernel<T>,
           static_cast<unsigned>(ceil_div<int64_t>(dw3.count(), kThreads)), kThreads, 0, stream,
           dw.as<const T>(), dw3.as<T>(), static_cast<int>(dw3.shape[0]),
           static_cast<int>(dw3.shape[3]), has_phases(dw));
  });
}

}  // namespace dae::cuda
