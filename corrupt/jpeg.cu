// Layout NHWC, in place. Floor: reads and writes 4 bytes an element; some 60 operations an element stay
// below the memory's time.
//
// A block takes a strip of eight 8x8 blocks beside each other with their channels, as dct_loss does:
// 192 threads, each of which has the eight numbers of one DCT in registers, of a column of the strip
// or of a row of one block and channel; shared memory turns one into the other. Pixels, of which there
// are 512 a strip, are taken three elements a thread, since light and colours mix them.
#include "corrupt/jpeg.h"
#include "corrupt/jpeg_block.h"
#include "runtime/bf16.h"
#include "runtime/cuda_kernel.h"

namespace dae::cuda {
namespace {

constexpr int kPixels = 64, kColumns = 3 * kPixels, kThreads = kColumns, kRow = kColumns + 4;

__global__ void __launch_bounds__(kThreads)
    jpeg_kernel(const Draw* __restrict__ draws, float* __restrict__ pictures,
                BFloat16* __restrict__ rounded, int height, int width, int across, int strips,
                const __grid_constant__ JpegTables tables) {
  DAE_SHARED(float, strip, 8 * kRow);
  DAE_SHARED(float, steps, 2 * 64);
  DAE_SHARED(float, per_step, 2 * 64);
  const int view = blockIdx.x / strips;
  const int quality = draws[view].degradation.jpeg;
  if (quality == 0) return;
  const int top = blockIdx.x % strips / across * 8, left = blockIdx.x % strips % across * kPixels;
  const int64_t first = int64_t{view} * height * width * 3;
  float* const picture = pictures + first;
  if (threadIdx.x < 128) {
    steps[threadIdx.x] = jpeg_step(tables.value[threadIdx.x], quality);
    per_step[threadIdx.x] = 1.0f / steps[threadIdx.x];
  }
  float value[3];
  for (int i = threadIdx.x; i < 8 * kPixels; i += kThreads) {
    const int y = top + i / kPixels, x = left + i % kPixels;
    const int row = y < height ? y : height - 1, column = x < width ? x : width - 1;
    jpeg_from_rgb(picture + (int64_t{row} * width + column) * 3, value);
    for (int c = 0; c < 3; c++) strip[i / kPixels * kRow + i % kPixels * 3 + c] = value[c];
  }
  __syncthreads();

  float line[8];
  float* const column = strip + threadIdx.x;
  for (int v = 0; v < 8; v++) line[v] = column[v * kRow];
  dct8(line);
  for (int v = 0; v < 8; v++) column[v * kRow] = line[v];
  __syncthreads();

  const int pair = threadIdx.x % 24, v = threadIdx.x / 24;
  float* const row = strip + v * kRow + pair / 3 * 24 + pair % 3;
  const int table = (pair % 3 > 0 ? 64 : 0) + 8 * v;
  for (int u = 0; u < 8; u++) line[u] = row[3 * u];
  dct8(line);
  for (int u = 0; u < 8; u++)
    line[u] = jpeg_rounded(line[u], steps[table + u], per_step[table + u]);
  inverse_dct8(line);
  for (int u = 0; u < 8; u++) row[3 * u] = line[u];
  __syncthreads();

  for (int k = 0; k < 8; k++) line[k] = column[k * kRow];
  inverse_dct8(line);
  for (int k = 0; k < 8; k++) column[k * kRow] = line[k];
  __syncthreads();

  for (int i = threadIdx.x; i < 8 * kPixels; i += kThreads) {
    const int y = top + i / kPixels, x = left + i % kPixels;
    if (y >= height || x >= width) continue;
    for (int c = 0; c < 3; c++) value[c] = strip[i / kPixels * kRow + i % kPixels * 3 + c];
    const int64_t pixel = (int64_t{y} * width + x) * 3;
    jpeg_to_rgb(value, picture + pixel);
    if (!rounded) continue;
    for (int c = 0; c < 3; c++) rounded[first + pixel + c] = to_bf16(picture[pixel + c]);
  }
}

}  // namespace

void jpeg(void* stream, const Tensor& draws, const Tensor& pictures, const Tensor& rounded) {
  const int height = static_cast<int>(pictures.shape[1]),
            width = static_cast<int>(pictures.shape[2]);
  const int across = ceil_div(width, kPixels), strips = across * ceil_div(height, 8);
  launch("jpeg", jpeg_kernel, static_cast<unsigned>(pictures.shape[0] * strips), kThreads, 0,
         stream, reinterpret_cast<const Draw*>(draws.as<const uint8_t>()), pictures.as<float>(),
         rounded.data ? rounded.as<BFloat16>() : nullptr, height, width, across, strips,
         JpegTables{});
}

}  // namespace dae::cuda
