#include "kernels/layers/ceilings.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <dnnl.hpp>
#include <vector>

#include "kernels/layers/cuda_libraries.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/parallel.h"
#include "runtime/stopwatch.h"
#include "runtime/stream.h"
#include "runtime/varied_buffer.h"

namespace dae {
namespace {

template <class F>
double best_seconds(int tries, const F& f) {
  double best = 1e30;
  for (int i = 0; i < tries; i++) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

Ceilings measure_cpu() {
  Ceilings found;
  constexpr int64_t kBytes = 128 << 20, kChunk = 1 << 20;  // far beyond any cache
  const Buffer from(Device::cpu, kBytes), to(Device::cpu, kBytes);
  const double copy = best_seconds(5, [&] {
    parallel_chunks(kBytes, kChunk, [&](int64_t begin, int64_t end) {
      std::memcpy(to.data() + begin, from.data() + begin, static_cast<size_t>(end - begin));
    });
  });
  found.bytes_per_second = 2.0 * kBytes / copy;

  constexpr int64_t kSide = 1536;
  const std::vector<float> a(kSide * kSide, 1.0f), b(kSide * kSide, 1.0f);
  std::vector<float> c(kSide * kSide);
  const double product = best_seconds(5, [&] {
    dnnl::sgemm('N', 'N', kSide, kSide, kSide, 1.0f, a.data(), kSide, b.data(), kSide, 0.0f,
                c.data(), kSide);
  });
  found.f32_flops_per_second = 2.0 * kSide * kSide * kSide / product;
  return found;
}

// The least seconds of `tries` runs of what `enqueue` puts on the stream, after one that sets the
// libraries up.
template <class F>
double best_gpu_seconds(int tries, const cuda::Stream& stream, const F& enqueue) {
  const cuda::Stopwatch watch;
  enqueue();
  double best = 1e30;
  for (int i = 0; i < tries; i++) {
    watch.start(stream.get());
    enqueue();
    watch.stop(stream.get());
    best = std::min(best, watch.seconds());
  }
  return best;
}

double gpu_flops_per_second(const cuda::Stream& stream, int64_t side, DType dtype) {
  const std::shared_ptr<Routine> product =
      cuda_libraries::plan(cuda_libraries::Dense{.direction = cuda_libraries::Direction::forward,
                                                 .batch = side,
                                                 .inputs = side,
                                                 .outputs = side,
                                                 .dtype = dtype});
  const Buffer a = varied_buffer(Device::cuda, side * side, dtype),
               b = varied_buffer(Device::cuda, side * side, dtype), c(Device::cuda, a.bytes()),
               workspace(Device::cuda, product->workspace_bytes());
  const double seconds = best_gpu_seconds(5, stream, [&] {
    product->run(stream.get(), {a.data(), b.data(), c.data()}, workspace.data());
  });
  return 2.0 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side) /
         seconds;
}

// Both are sized by the L2 cache: sixteen times as large each side of the copy, four times for an
// f32 operand of the product (7232 x 7232 on an H100's 50 MB).
Ceilings measure_gpu() {
  Ceilings found;
  const size_t cache = describe_gpu().l2_bytes;
  const cuda::Stream stream;
  {
    const Buffer from(Device::cuda, 16 * cache), to(Device::cuda, 16 * cache);
    synchronize_device();
    const double copy = best_gpu_seconds(
        20, stream, [&] { cuda::copy_async(to.data(), from.data(), from.bytes(), stream); });
    found.bytes_per_second = 2.0 * static_cast<double>(from.bytes()) / copy;
  }
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(cache))) / 64 * 64;
  found.f32_flops_per_second = gpu_flops_per_second(stream, side, DType::f32);
  found.bf16_flops_per_second = gpu_flops_per_second(stream, side, DType::bf16);
  return found;
}

}  // namespace

const Ceilings& ceilings(Device device) {
  if (device == Device::cpu) {
    static const Ceilings cpu = measure_cpu();
    return cpu;
  }
  static const Ceilings gpu = measure_gpu();
  return gpu;
}

double roofline_seconds(const Ceilings& ceilings, double bytes, double flops, DType dtype) {
  return std::max(bytes / ceilings.bytes_per_second, flops / ceilings.flops_per_second(dtype));
}

}  // namespace dae
