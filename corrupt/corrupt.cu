// One kernel: crop, flip, u8 in, noise, blur, factors, clip, quantise; clean u8 and corrupted f32
// out, and bf16 where a network reads that.
//
// Floor a pixel: 3 bytes read, 3 + 12 (+ 6) written. Arithmetic weighs more: 44 instructions an element
// for noise (a Philox block makes four normals), 2 (2 r + 1) for the blur, some ten for bytes and
// rounding; kernels/compiled_code.json holds what they come to, profiling/README.md says where they go.
//
// A block of 512 threads makes a tile of one view: a whole view of up to 64x64, so that no noise is made
// twice, and of a wider one up to 128 columns with what the blur sees beside them. It lies in shared
// memory as area.cuh says: a warp makes rows with their noise (classic order) and blurs them along, in
// place; one barrier; then threads walk down columns, eight rows of two elements (of four where the blur sees
// three), with the rows in registers that a blur of up to five pixels sees. 64 registers and, up to that
// radius, less than 113 KiB, so two blocks an SM: a batch of 256 is one wave. Shot noise and grain take
// more registers, and one. Rejected: four elements at every radius (spills); tiles of 32x32 from which rows are blurred into a second
// one (noise of 1.4 times the pixels at a radius of 3, and a loop over taps loads them again for each
// element); exchanging what tiles share between blocks, which would take a second kernel.
//
// Places in the picture, of reflected rows and columns too, are worked out once a block.
//
// Noise that pixels or channels share is a second such area: made for the tile and a pixel around it,
// mixed, smoothed along the rows and, where it is added, down the columns.
//
// Same operations in the same order as band_scalar.h: the same bits.
#include "corrupt/area.cuh"
#include "corrupt/corrupt.h"
#include "corrupt/jpeg.h"
#include "corrupt/normal.h"
#include "runtime/cuda_kernel.h"
#include "runtime/philox.h"
#include "runtime/rounding.h"

namespace dae::cuda {
namespace {

// classic: noise before the blur. camera: behind it. woven: behind it, with shot noise, grain and mixed
// channels where a draw has them.
enum class Kind { classic, camera, woven };

struct Outputs {
  uint8_t* clean;
  float* corrupted;
  BFloat16* rounded;  // or null
  float* told;        // or null
};

// The normals of N adjacent Philox blocks of view row y.
template <int N>
__device__ inline void normals_of(const NoiseStream& noise, int block, int y, float* normal) {
  PhiloxWords w[N];
  for (int i = 0; i < N; i++)
    w[i] = {{static_cast<uint32_t>(block + i), static_cast<uint32_t>(y), noise.slot,
             noise.step_and_stream}};
  philox4x32(w, noise.seed);
  for (int i = 0; i < N; i++) {
    normal_pair(w[i].word[0], w[i].word[1], normal[4 * i], normal[4 * i + 1]);
    normal_pair(w[i].word[2], w[i].word[3], normal[4 * i + 2], normal[4 * i + 3]);
  }
}

// Four elements of row y of noise that was smoothed along its rows: smoothed down its columns.
__device__ inline void woven_normals(const Area& noise, const Tiling& tiling, int element, int y,
                                     int height, const float* grain, float (&normal)[4]) {
  const float* const column = noise.first + element - 3 * noise.x;
  blur_down_far(
      [&](int seen) {
        return column + (reflect<int32_t>(y + seen - 1, height) - noise.y) * tiling.stride;
      },
      grain, 1, normal);
}

// The twelve bytes of the unit whose columns begin at `column` of the area, first to last.
struct UnitBytes {
  uint32_t word[3];
  __device__ uint32_t operator[](int i) const { return word[i / 4] >> 8 * (i % 4) & 0xff; }
};
__device__ inline UnitBytes load_unit(const uint8_t* row, const Places& places, int column) {
  UnitBytes bytes = {};
  for (int p = 0; p < kUnitPixels; p++) {
    const uint8_t* const pixel = row + places.source_byte[column + p];
    for (int c = 0, i = 3 * p; c < 3; c++, i++)
      bytes.word[i / 4] |= uint32_t{__ldg(pixel + c)} << 8 * (i % 4);
  }
  return bytes;
}

// Those `count` of them that are the view's.
template <bool kUsual>
__device__ inline void store_bytes(uint8_t* at, const UnitBytes& bytes, int count) {
  if constexpr (kUsual) {
    for (int i = 0; i < 3; i++) reinterpret_cast<uint32_t*>(at)[i] = bytes.word[i];
  } else {
    for (int i = 0; i < kUnit; i++)
      if (i < count) at[i] = static_cast<uint8_t>(bytes[i]);
  }
}

// Where the adjacent elements of a run's first row are written; `count` of them are the view's.
struct Run {
  float* corrupted;
  BFloat16* rounded;  // or null
  int count;
};
template <bool kUsual, int V>
__device__ inline void store_values(const Run& to, int64_t offset, const float (&value)[V]) {
  if constexpr (kUsual) {
    Pack<float, V> pack;
    for (int k = 0; k < V; k++) pack.value[k] = value[k];
    store_pack(to.corrupted + offset, pack);
    if (to.rounded) {
      Pack<BFloat16, V> rounded;
      for (int k = 0; k < V; k++) rounded.value[k] = to_bf16(value[k]);
      store_pack(to.rounded + offset, rounded);
    }
  } else {
    for (int k = 0; k < V; k++) {
      if (k >= to.count) continue;
      to.corrupted[offset + k] = value[k];
      if (to.rounded) to.rounded[offset + k] = to_bf16(value[k]);
    }
  }
}

// kUsual: the flags clip and round, rows begin at whole packs, and there are whole runs of them; what else
// there may be is slower.
template <Kind kKind, bool kUsual>
__global__ void __launch_bounds__(kThreads, kKind == Kind::woven ? 1 : 2)
    corrupt_kernel(const Source* __restrict__ sources, const Draw* __restrict__ draws,
                   CorruptFlags flags, const __grid_constant__ Outputs out, int height, int width,
                   const __grid_constant__ Tiling tiling) {
  DAE_DYNAMIC_SHARED(float, shared);
  DAE_SHARED(Places, places, 1);
  // Views come first: a grid's other two dimensions end at 65535, fewer than a batch may have.
  const int view = static_cast<int>(blockIdx.x);
  const int top = static_cast<int>(blockIdx.y) * tiling.rows,
            left = static_cast<int>(blockIdx.z) * tiling.columns;
  const Draw& draw = draws[view];
  const Source& source = sources[draw.view.image];
  const Degradation& d = draw.degradation;
  const int radius = d.radius;
  const bool noisy = d.noise_sigma > 0 || (kKind == Kind::woven && d.shot_sigma > 0);
  const bool woven = kKind == Kind::woven && noisy && (d.grain[1] > 0 || d.mix[1] > 0);
  if (out.told != nullptr && top == 0 && left == 0 && threadIdx.x == 0) out.told[view] = draw.told;

  const Area area = area_around(tiling, shared, top, left, radius, height, width);
  find_places(places[0], tiling, area, source, draw.view, top, radius, height, width);
  __syncthreads();

  // 1. Rows.
  const int64_t first_row = int64_t{view} * height;
  make_rows(
      area, places[0], tiling, d.taps, radius, width, [&](int row, int x, float(&value)[kUnit]) {
        const int y = area.y + row;
        const int64_t from = places[0].source_row[row] * source.row_bytes;
        UnitBytes bytes = load_unit(source.pixels + from, places[0], x - area.x);
        if (y >= top && y < top + tiling.rows && x >= left && x < left + tiling.columns)
          store_bytes<kUsual>(out.clean + ((first_row + y) * width + x) * 3, bytes,
                              3 * (width - x));
        if (source.given) bytes = load_unit(source.given + from, places[0], x - area.x);
        if (kKind == Kind::classic && noisy) normals_of<3>(draw.noise, 3 * x / 4, y, value);
        for (int i = 0; i < kUnit; i++) {
          const float clean = over_255(static_cast<float>(bytes[i]));
          value[i] =
              kKind == Kind::classic && noisy ? std::fma(d.noise_sigma, value[i], clean) : clean;
        }
      });

  // 2. The noise of the tile and a pixel around it, where pixels or channels share some.
  Area noise = area_around(tiling, shared + area.rows * tiling.stride, top, left, 1, height, width);
  if (kKind == Kind::woven && woven)
    make_rows(noise, places[0], tiling, d.grain, 1, width,
              [&](int row, int x, float(&value)[kUnit]) {
                normals_of<3>(draw.noise, 3 * x / 4, noise.y + row, value);
                for (int p = 0; p < kUnitPixels; p++) mix_channels(value + 3 * p, d.mix);
              });
  __syncthreads();

  // 3. Down the columns, and the rest: a camera's noise belongs to the output.
  const int columns = width - left < tiling.columns ? width - left : tiling.columns;
  const int rows = height - top < tiling.rows ? height - top : tiling.rows;
  // Calls run(count, row, finish) for each run of V adjacent elements: `row(i)` points to them in the
  // row that is seen i - radius rows from its first, finish(k, value) ends those of its row k, and
  // `count` rows or all are the tile's.
  const auto for_runs = [&](auto adjacent, const auto& run) {
    constexpr int V = decltype(adjacent)::value;
    const int packs = ceil_div(3 * columns, V), tasks = packs * ceil_div(rows, kRun);
    DAE_ROLLED
    for (int task = static_cast<int>(threadIdx.x); task < tasks; task += kThreads) {
      const int element = 3 * left + V * (task % packs), first = task / packs * kRun;
      const float* const column = area.first + element - 3 * area.x;
      const auto row = [&](int seen) {
        return reinterpret_cast<const float*>(reinterpret_cast<const char*>(column) +
                                              places[0].column_row[first + seen]);
      };
      float gain[V];
      for (int i = 0; i < V; i++) gain[i] = d.gain[(element + i) % 3];
      const int64_t begin = (first_row + top + first) * width * 3 + element;
      const Run to = {out.corrupted + begin, out.rounded ? out.rounded + begin : nullptr,
                      3 * width - element};
      run(rows - first, row, [&](int k, float(&value)[V]) {
        for (int i = 0; i < V; i++) value[i] *= gain[i];
        if constexpr (kKind != Kind::classic)
          if (noisy) {
            float normal[4];
            if (woven)
              woven_normals(noise, tiling, element, top + first + k, height, d.grain, normal);
            else
              normals_of<1>(draw.noise, element / 4, top + first + k, normal);
            for (int i = 0; i < 4; i++) {
              const float sigma = kKind == Kind::woven
                                      ? camera_sigma(value[i], d.noise_sigma, d.shot_sigma)
                                      : d.noise_sigma;
              value[i] = std::fma(sigma, normal[i], value[i]);
            }
          }
        for (int i = 0; i < V; i++)
          value[i] = clip_and_quantize(value[i], kUsual || flags.clip, kUsual || flags.quantize);
        store_values<kUsual>(to, int64_t{k} * 3 * width, value);
      });
    }
  };
  const auto down = [&](auto fixed) {
    constexpr int kRadius = decltype(fixed)::value, V = kRadius > 1 ? 2 : 4;
    for_runs(std::integral_constant<int, V>{}, [&](int, const auto& row, const auto& finish) {
      blur_down<kRadius, V>(row, d.taps, finish);
    });
  };
  const auto down_far = [&] {
    for_runs(std::integral_constant<int, 4>{}, [&](int count, const auto& row, const auto& finish) {
      DAE_ROLLED
      for (int k = 0; k < kRun && k < count; k++) {
        float value[4];
        blur_down_far([&](int seen) { return row(k + seen); }, d.taps, radius, value);
        finish(k, value);
      }
    });
  };
  if constexpr (kKind != Kind::classic || !kUsual) {
    down_far();
  } else {
    switch (radius) {
      case 0:
        down(std::integral_constant<int, 0>{});
        break;
      case 1:
        down(std::integral_constant<int, 1>{});
        break;
      case 2:
        down(std::integral_constant<int, 2>{});
        break;
      case 3:
        down(std::integral_constant<int, 3>{});
        break;
      case 4:
        down(std::integral_constant<int, 4>{});
        break;
      case kMostTaps:
        down(std::integral_constant<int, kMostTaps>{});
        break;
      default:
        down_far();
    }
  }
}

// A whole view where that fits; else tiles as large as what the largest blur sees beside them leaves,
// all of about the same height.
Tiling tiling_of(const CorruptFlags& flags, int height, int width) {
  const int radius = flags.camera_noise && flags.max_radius < 1 ? 1 : flags.max_radius;
  Tiling t;
  t.units = width <= kUnitPixels * kMostUnits / 2 ? kMostUnits / 2 : kMostUnits;
  t.halo = whole_units(radius);
  t.columns =
      width <= kUnitPixels * t.units ? whole_units(width) : kUnitPixels * t.units - 2 * t.halo;
  const int most_rows = (kMostRows - 2 * radius) / kRun * kRun;
  t.rows =
      height <= kMostRows ? height : round_up(ceil_div(height, ceil_div(height, most_rows)), kRun);
  t.pad = round_up(3 * radius, 4);
  t.stride = kUnit * t.units + 2 * t.pad;
  return t;
}

size_t shared_bytes(const Tiling& t, const CorruptFlags& flags, int height) {
  const auto rows = [&](int radius) {
    return static_cast<size_t>(height < t.rows + 2 * radius ? height : t.rows + 2 * radius);
  };
  return (rows(flags.max_radius) + (flags.camera_noise ? rows(1) : 0)) *
         static_cast<size_t>(t.stride) * sizeof(float);
}

template <Kind kKind>
auto kernel_of(bool usual) {
  return usual ? corrupt_kernel<kKind, true> : corrupt_kernel<kKind, false>;
}

bool aligned(const Tensor& tensor, uintptr_t bytes) {
  return reinterpret_cast<uintptr_t>(tensor.data) % bytes == 0;
}

}  // namespace

void corrupt(void* stream, const Tensor& sources, const Tensor& draws, const CorruptFlags& flags,
             const Tensor& clean, const Tensor& corrupted, const Tensor& told,
             const Tensor& rounded) {
  const int height = static_cast<int>(clean.shape[1]), width = static_cast<int>(clean.shape[2]);
  const Tiling tiling = tiling_of(flags, height, width);
  const Outputs out = {clean.as<uint8_t>(), corrupted.as<float>(),
                       rounded.data ? rounded.as<BFloat16>() : nullptr,
                       static_cast<float*>(told.data)};
  const bool usual = flags.clip && flags.quantize && width % kUnitPixels == 0 &&
                     height % kRun == 0 && aligned(clean, 4) && aligned(corrupted, 16) &&
                     aligned(rounded, 8);
  const auto kernel = flags.order == Order::classic ? kernel_of<Kind::classic>(usual)
                      : flags.camera_noise          ? kernel_of<Kind::woven>(usual)
                                                    : kernel_of<Kind::camera>(usual);
  launch("corrupt", kernel,
         dim3(static_cast<unsigned>(clean.shape[0]),
              static_cast<unsigned>(ceil_div(height, tiling.rows)),
              static_cast<unsigned>(ceil_div(width, tiling.columns))),
         kThreads, shared_bytes(tiling, flags, height), stream,
         static_cast<const Source*>(sources.data), static_cast<const Draw*>(draws.data), flags, out,
         height, width, tiling);
  if (flags.jpeg) jpeg(stream, draws, corrupted, rounded);
}

}  // namespace dae::cuda
