// Layout NHWC. Floors an element: ssim_maps reads y (4 bytes) and target (1), writes three maps
// (12): 17; ssim_gradient reads the maps, y and target and writes dy (4), or reads and writes it
// (8): 21 or 25. Arithmetic: two passes of 11 taps on four moments, then on three maps, about 330
// operations an element over both kernels: by published peaks an H100's arithmetic takes about as
// long as its memory.
//
// A block makes a tile of 16x16 positions or pixels of one image with their channels: it loads the
// tile and a halo of ten rows and columns (26x26 pixels) into shared memory, filters along the rows
// into shared memory, then down the columns in registers: 22 taps in place of 121. 192 threads:
// four rows of 48 elements, so each thread stays in its column and its channel, and all accesses to
// shared memory by a warp are to adjacent words. The halo makes 2.6 loads of one: they come from
// the caches. 36 and 39 KiB of shared memory let five blocks share a multiprocessor of an H100.
//
// Rejected: one kernel for both passes (each tile would need a halo of 20 and make the maps 2.6
// times; MS-SSIM must know a scale's mean before its gradient anyway); tiles of 32x32 (more than 48
// KiB); filtering sums that run down a column (sums of differences lose the bits that C2 needs).
#include "kernels/ssim_passes.h"
#include "runtime/block_reduce.h"

namespace dae::cuda {
namespace {

constexpr int kThreads = 192, kRow = kSsimTile * 3, kHaloRow = kSsimHalo * 3;
constexpr int kHaloElements = kSsimHalo * kHaloRow;
constexpr int kRowsAtOnce = kThreads / kRow, kBefore = kSsimWindow - 1;

template <class T>
__global__ void __launch_bounds__(kThreads)
    ssim_maps_kernel(SsimScale s, const T* __restrict__ target, SsimTaps taps, int tiles,
                     int tiles_across) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 3);
  DAE_SHARED(float, found, kHaloElements);
  DAE_SHARED(float, wanted, kHaloElements);
  DAE_SHARED(float, filtered, 4 * kSsimHalo * kRow);  // moments along the rows
  const int64_t image = blockIdx.x / tiles;
  const int down = static_cast<int>(s.positions_down());
  const int across = static_cast<int>(s.positions_across());
  const int top = static_cast<int>(blockIdx.x) % tiles / tiles_across * kSsimTile;
  const int left = static_cast<int>(blockIdx.x) % tiles % tiles_across * kSsimTile;
  const int rows = down - top < kSsimTile ? down - top : kSsimTile;
  const int elements = (across - left < kSsimTile ? across - left : kSsimTile) * 3;

  // The pixel that moments are taken about; rows and kThreads are multiples of 3, so a thread meets
  // one channel only.
  const int64_t middle =
      ((image * s.height + top + kSsimWindow / 2) * s.width + left + kSsimWindow / 2) * 3 +
      threadIdx.x % 3;
  const float y0 = s.y[middle], t0 = ssim_value(target, middle);
  for (int i = threadIdx.x; i < (rows + kBefore) * kHaloRow; i += kThreads) {
    const int r = i / kHaloRow, e = i % kHaloRow;
    if (e >= elements + kBefore * 3) continue;
    const int64_t at = ((image * s.height + top + r) * s.width + left) * 3 + e;
    found[i] = s.y[at] - y0;
    wanted[i] = ssim_value(target, at) - t0;
  }
  __syncthreads();

  const int e = threadIdx.x % kRow;
  const bool inside = e < elements;
  for (int r = threadIdx.x / kRow; inside && r < rows + kBefore; r += kRowsAtOnce) {
    float m[4] = {0, 0, 0, 0};
    for (int k = 0; k < kSsimWindow; k++) {
      const float y = found[r * kHaloRow + e + 3 * k], t = wanted[r * kHaloRow + e + 3 * k];
      const float d = y - t;
      m[0] += taps.weight[k] * y;
      m[1] += taps.weight[k] * t;
      m[2] += taps.weight[k] * (d * d);
      m[3] += taps.weight[k] * (y * y + t * t);
    }
    for (int i = 0; i < 4; i++) filtered[(i * kSsimHalo + r) * kRow + e] = m[i];
  }
  __syncthreads();

  float missing = 0;
  for (int r = threadIdx.x / kRow; inside && r < rows; r += kRowsAtOnce) {
    float m[4] = {0, 0, 0, 0};
    for (int k = 0; k < kSsimWindow; k++)
      for (int i = 0; i < 4; i++)
        m[i] += taps.weight[k] * filtered[(i * kSsimHalo + r + k) * kRow + e];
    const SsimPoint point = ssim_point(m[0], m[1], m[2], m[3], y0, t0, s.luminance);
    const int64_t at = ((image * down + top + r) * across + left) * 3 + e;
    s.maps[at] = point.d_y;
    s.maps[s.map_count() + at] = point.d_dd;
    s.maps[2 * s.map_count() + at] = point.d_sq;
    missing += point.missing;
  }
  // Each sum has its own storage: no barrier is needed between them.
  for (int c = 0; c < 3; c++) {
    const float of_channel = Reduce(storage[c]).Sum(e % 3 == c ? missing : 0.0f);
    if (threadIdx.x == 0) s.missing[int64_t{blockIdx.x} * 3 + c] = of_channel;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    ssim_gradient_kernel(SsimScale s, SsimGradient g, const T* __restrict__ target, SsimTaps taps,
                         int tiles, int tiles_across) {
  using Reduce = BlockReduce<float, kThreads>;
  DAE_SHARED(typename Reduce::TempStorage, storage, 1);
  DAE_SHARED(float, map, 3 * kHaloElements);
  DAE_SHARED(float, filtered, 3 * kSsimHalo * kRow);  // maps along the rows
  const int64_t image = blockIdx.x / tiles;
  const int down = static_cast<int>(s.positions_down());
  const int across = static_cast<int>(s.positions_across());
  const int height = static_cast<int>(s.height), width = static_cast<int>(s.width);
  const int top = static_cast<int>(blockIdx.x) % tiles / tiles_across * kSsimTile;
  const int left = static_cast<int>(blockIdx.x) % tiles % tiles_across * kSsimTile;
  const int rows = height - top < kSsimTile ? height - top : kSsimTile;
  const int elements = (width - left < kSsimTile ? width - left : kSsimTile) * 3;

  // The positions whose windows reach into the tile; beyond the image's positions there is nothing.
  for (int i = threadIdx.x; i < (rows + kBefore) * kHaloRow; i += kThreads) {
    const int p = top - kBefore + i / kHaloRow, q = (left - kBefore) * 3 + i % kHaloRow;
    const bool position = p >= 0 && p < down && q >= 0 && q < across * 3;
    const int64_t at = (image * down + p) * across * 3 + q;
    for (int m = 0; m < 3; m++)
      map[m * kHaloElements + i] = position ? s.maps[m * s.map_count() + at] : 0.0f;
  }
  __syncthreads();

  const int e = threadIdx.x % kRow;
  const bool inside = e < elements;
  for (int r = threadIdx.x / kRow; inside && r < rows + kBefore; r += kRowsAtOnce)
    for (int m = 0; m < 3; m++) {
      float sum = 0;
      for (int k = 0; k < kSsimWindow; k++)
        sum += taps.weight[k] * map[(m * kSsimHalo + r) * kHaloRow + e + 3 * k];
      filtered[(m * kSsimHalo + r) * kRow + e] = sum;
    }
  __syncthreads();

  float square = 0;
  for (int r = threadIdx.x / kRow; inside && r < rows; r += kRowsAtOnce) {
    float f[3] = {0, 0, 0};
    for (int k = 0; k < kSsimWindow; k++)
      for (int m = 0; m < 3; m++)
        f[m] += taps.weight[k] * filtered[(m * kSsimHalo + r + k) * kRow + e];
    const int64_t at = ((image * height + top + r) * width + left) * 3 + e;
    const float y = s.y[at], d = y - ssim_value(target, at);
    float slope = f[0] + 2 * d * f[1] + 2 * y * f[2];
    if (g.factor) slope *= g.factor[image * 3 + e % 3];
    const int half_row = (top + r) / 2, half_column = (left + e / 3) / 2;
    if (g.coarser && half_row < height / 2 && half_column < width / 2)
      slope +=
          0.25f *
          g.coarser[((image * (height / 2) + half_row) * (width / 2) + half_column) * 3 + e % 3];
    square += slope * slope;
    g.dy[at] = (g.first ? 0.0f : g.dy[at]) + g.weight * slope;
  }
  square = Reduce(storage[0]).Sum(square);
  if (threadIdx.x == 0) g.squares[blockIdx.x] = square;
}

int tiles_across(int64_t width) {
  return static_cast<int>(ceil_div(width, int64_t{kSsimTile}));
}

template <class T>
void launch_maps(void* stream, const char* op, const SsimScale& s) {
  launch(op, ssim_maps_kernel<T>, static_cast<unsigned>(s.images * s.tiles()), kThreads, 0, stream,
         s, static_cast<const T*>(s.target), ssim_taps(), static_cast<int>(s.tiles()),
         tiles_across(s.positions_across()));
}

template <class T>
void launch_gradient(void* stream, const char* op, const SsimScale& s, const SsimGradient& g) {
  launch(op, ssim_gradient_kernel<T>, static_cast<unsigned>(s.images * s.pixel_tiles()), kThreads,
         0, stream, s, g, static_cast<const T*>(s.target), ssim_taps(),
         static_cast<int>(s.pixel_tiles()), tiles_across(s.width));
}

}  // namespace

void ssim_maps(void* stream, const char* op, const SsimScale& s) {
  s.target_u8 ? launch_maps<uint8_t>(stream, op, s) : launch_maps<float>(stream, op, s);
}

void ssim_gradient(void* stream, const char* op, const SsimScale& s, const SsimGradient& g) {
  s.target_u8 ? launch_gradient<uint8_t>(stream, op, s, g)
              : launch_gradient<float>(stream, op, s, g);
}

}  // namespace dae::cuda
