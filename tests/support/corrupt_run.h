// Pictures of random bytes, what lies beyond their edges, and corrupt() on either device with its
// results on the host.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "corrupt/corrupt.h"
#include "runtime/bf16.h"
#include "runtime/device.h"
#include "runtime/memory.h"

namespace dae::test {

// Reflection without repeating the edge, by walking.
inline int64_t mirrored(int64_t i, int64_t n) {
  if (n == 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
  return i;
}

struct Picture {
  int32_t height, width;
  std::vector<uint8_t> pixels;

  Picture(int32_t h, int32_t w, uint64_t seed) : height(h), width(w), pixels(3u * h * w) {
    std::mt19937_64 bits(seed);
    for (uint8_t& p : pixels) p = static_cast<uint8_t>(bits());
  }
  Source source() const { return {pixels.data(), 3 * width, height, width}; }
};

struct Result {
  std::vector<uint8_t> clean;
  std::vector<float> corrupted, told;
  std::vector<BFloat16> rounded;  // on a GPU
};

// `paired`: the first picture's partner, which is given in its place, is the second. `shift` moves the
// outputs by so many elements from where packs begin.
inline Result run(Device device, const std::vector<Picture>& pictures,
                  const std::vector<Draw>& draws, const CorruptFlags& flags, int64_t height,
                  int64_t width, bool paired = false, int64_t shift = 0) {
  std::vector<Source> sources;
  std::vector<Buffer> pixels;
  for (const Picture& picture : pictures) {
    pixels.emplace_back(device, picture.pixels.size());
    copy_between_devices(pixels.back().data(), picture.pixels.data(), picture.pixels.size());
    sources.push_back(picture.source());
    sources.back().pixels = reinterpret_cast<const uint8_t*>(pixels.back().data());
  }
  if (paired) sources[0].given = sources[1].pixels;
  const auto views = static_cast<int64_t>(draws.size()), count = views * height * width * 3;
  const Buffer source_table(device, sources.size() * sizeof(Source)),
      draw_table(device, draws.size() * sizeof(Draw)), clean(device, shift + count),
      corrupted(device, (shift + count) * sizeof(float)),
      told(device, draws.size() * sizeof(float)),
      rounded(device, (shift + count) * sizeof(BFloat16));
  const int64_t scratch = corrupt_workspace_count(device, width, flags.max_radius);
  const Buffer workspace(device, scratch * sizeof(float));
  copy_between_devices(source_table.data(), sources.data(), source_table.bytes());
  copy_between_devices(draw_table.data(), draws.data(), draw_table.bytes());
  const std::vector<float> poison(shift + count, std::nanf(""));
  copy_between_devices(corrupted.data(), poison.data(), corrupted.bytes());
  const auto rows = static_cast<int64_t>(sources.size());
  corrupt(Queue{device}, {source_table.data(), {rows, int64_t{sizeof(Source)}}, DType::u8},
          {draw_table.data(), {views, int64_t{sizeof(Draw)}}, DType::u8}, flags,
          {clean.data() + shift, {views, height, width, 3}, DType::u8},
          {corrupted.data() + shift * sizeof(float), {views, height, width, 3}},
          {workspace.data(), {scratch}}, {told.data(), {views}},
          device == Device::cuda ? Tensor{rounded.data() + shift * sizeof(BFloat16),
                                          {views, height, width, 3},
                                          DType::bf16}
                                 : Tensor{});
  if (device == Device::cuda) synchronize_device();
  Result result{std::vector<uint8_t>(count), std::vector<float>(count),
                std::vector<float>(draws.size()), std::vector<BFloat16>(count)};
  copy_between_devices(result.told.data(), told.data(), told.bytes());
  copy_between_devices(result.clean.data(), clean.data() + shift, result.clean.size());
  copy_between_devices(result.corrupted.data(), corrupted.data() + shift * sizeof(float),
                       result.corrupted.size() * sizeof(float));
  copy_between_devices(result.rounded.data(), rounded.data() + shift * sizeof(BFloat16),
                       result.rounded.size() * sizeof(BFloat16));
  return result;
}

}  // namespace dae::test
