// Layout NHWC, f32 or bf16. Floor: every element is read once and written once, 8 (4) bytes an
// element; a copy in runs of K adjacent channels.
//
// A thread moves sixteen bytes of adjacent channels where K and the addresses allow it, one element
// where not. Forward it owns a piece of y, backward a piece of dz: each is written once, whole
// lines a warp, and the reads are runs of K channels, 64 bytes or more from K = 32 in bf16.
// Places are found by Divisor: divisions of 64-bit integers were half of all instructions.
// Rejected: a thread that reads z in order and writes y in pieces (a write of half a line costs a
// whole one).
#include "kernels/division.h"
#include "kernels/elements.cuh"
#include "kernels/pixel_shuffle.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 256;

// `units` of V elements make up one image's channels; sizes are those of y.
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    pixel_shuffle_kernel(const T* __restrict__ z, const T* __restrict__ bias, T* __restrict__ y,
                         int64_t count, Divisor rows, Divisor columns, Divisor units, bool relu) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at >= count) return;
  const auto [pixel, unit] = units.split(at);
  const auto [image_row, column] = columns.split(pixel);
  const auto [image, row] = rows.split(image_row);
  const int i = static_cast<int>(row), j = static_cast<int>(column);
  const int64_t from =
      (image * (rows.value() / 2 + 1) + (i + 1) / 2) * (columns.value() / 2 + 1) + (j + 1) / 2;
  T value[V], b[V];
  load<T, V>(z + ((from * 4 + i % 2 * 2 + j % 2) * units.value() + unit) * V, value);
  load<T, V>(bias + unit * V, b);
  for (int k = 0; k < V; k++) {
    const float sum = to_float(value[k]) + to_float(b[k]);
    value[k] = from_float<T>(relu && !(sum > 0) ? 0.0f : sum);
  }
  store<T, V>(y + at * V, value);
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    pixel_shuffle_backward_kernel(const T* __restrict__ dy, T* __restrict__ dz, int64_t count,
                                  int rows, int columns, Divisor z_rows, Divisor z_columns,
                                  Divisor units) {
  const int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at >= count) return;
  const auto [run, unit] = units.split(at);
  const int phase = static_cast<int>(run % 4);
  const auto [image_row, column] = z_columns.split(run / 4);
  const auto [image, row] = z_rows.split(image_row);
  const int i = 2 * static_cast<int>(row) - phase / 2, j = 2 * static_cast<int>(column) - phase % 2;
  T value[V];
  if (i >= 0 && i < rows && j >= 0 && j < columns) {
    const int64_t from = (image * rows + i) * columns + j;
    load<T, V>(dy + (from * units.value() + unit) * V, value);
  } else {
    for (int k = 0; k < V; k++) value[k] = from_float<T>(0.0f);
  }
  store<T, V>(dz + at * V, value);
}

}  // namespace

void pixel_shuffle(void* stream, const Tensor& z, const Tensor& bias, const Tensor& y, bool relu) {
  const bool packs = pack_aligned(z) && pack_aligned(bias) && pack_aligned(y);
  with_unit(y, packs, [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    const int64_t count = y.count() / V;
    launch("pixel_shuffle", pixel_shuffle_kernel<T, V>,
           static_cast<unsigned>(ceil_div<int64_t>(count, kThreads)), kThreads, 0, stream,
           z.as<const T>(), bias.as<const T>(), y.as<T>(), count, y.shape[1], y.shape[2],
           y.shape[3] / V, relu);
  });
}

void pixel_shuffle_backward(void* stream, const Tensor& dy, const Tensor& dz) {
  with_unit(dy, pack_aligned(dy) && pack_aligned(dz), [&](auto element, auto unit) {
    using T = decltype(element);
    constexpr int V = decltype(unit)::value;
    const int64_t count = dz.count() / V;
    launch("pixel_shuffle_backward", pixel_shuffle_backward_kernel<T, V>,
           static_cast<unsigned>(ceil_div<int64_t>(count, kThreads)), kThreads, 0, stream,
           dy.as<const T>(), dz.as<T>(), count, dy.shape[1], dy.shape[2], dz.shape[1], dz.shape[2],
           dy.shape[3] / V);
  });
}

}  // namespace dae::cuda
