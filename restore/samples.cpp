#include "restore/samples.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/reflect.h"

namespace dae {
namespace {

size_t size_of(SampleType type) {
  return type == SampleType::u8 ? 1 : type == SampleType::u16 ? 2 : 4;
}

// f(T()) for the type's T.
template <class F>
auto with_type(SampleType type, const F& f) {
  if (type == SampleType::u8) return f(uint8_t());
  if (type == SampleType::u16) return f(uint16_t());
  return f(float());
}

template <class T>
constexpr float kWhite = std::is_same_v<T, float>
                             ? 1.0f
                             : static_cast<float>(std::numeric_limits<T>::max());

template <class T>
T sample_of(float value) {
  if constexpr (std::is_same_v<T, float>)
    return value;
  else
    return static_cast<T>(std::lround(std::clamp(value, 0.0f, 1.0f) * kWhite<T>));
}

template <class T>
void read(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
          float* rgb) {
  const auto* const samples = static_cast<const T*>(from.data);
  const bool grey = from.channels <= 2;
  for (int64_t i = 0; i < rows; i++) {
    const T* const row = samples + reflect(top + i, from.height) * from.width * from.channels;
    for (int64_t j = 0; j < columns; j++, rgb += 3) {
      const T* const pixel = row + reflect(left + j, from.width) * from.channels;
      for (int c = 0; c < 3; c++) rgb[c] = static_cast<float>(pixel[grey ? 0 : c]) / kWhite<T>;
    }
  }
}

template <class T>
void mark(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
          float* rgb) {
  const auto* const samples = static_cast<const T*>(from.data);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++, rgb += 3) {
      const int64_t pixel =
          reflect(top + i, from.height) * from.width + reflect(left + j, from.width);
      if (samples[(pixel + 1) * from.channels - 1] == T(0))
        std::fill_n(rgb, 3, std::numeric_limits<float>::quiet_NaN());
    }
}

template <class T>
void write(const MutableSamples& to, int64_t top, int64_t left, int64_t rows, int64_t columns,
           const float* rgb, int64_t stride) {
  const bool grey = to.channels <= 2;
  for (int64_t i = 0; i < rows; i++) {
    T* pixel = static_cast<T*>(to.data) + ((top + i) * to.width + left) * to.channels;
    const float* from = rgb + i * stride * 3;
    for (int64_t j = 0; j < columns; j++, pixel += to.channels, from += 3) {
      if (grey) {
        pixel[0] = sample_of<T>((from[0] + from[1] + from[2]) / 3);
      } else {
        for (int c = 0; c < 3; c++) pixel[c] = sample_of<T>(from[c]);
      }
    }
  }
}

// Colours spread from visible pixels, first to the right and down, then to the left and up; each
// hidden pixel takes the one that came the shorter way.
template <class T>
std::vector<std::byte> filled(const Samples& picture) {
  const auto* const given = static_cast<const T*>(picture.data);
  const int64_t h = picture.height, w = picture.width, channels = picture.channels;
  const auto alpha = [&](int64_t i) { return given[i * channels + channels - 1]; };
  constexpr int32_t kFar = std::numeric_limits<int32_t>::max() / 2;
  std::vector<int32_t> steps(static_cast<size_t>(h * w));
  bool hides = false, shows = false;
  for (int64_t i = 0; i < h * w; i++) {
    const bool hidden = alpha(i) == T(0);
    steps[static_cast<size_t>(i)] = hidden ? kFar : 0;
    (hidden ? hides : shows) = true;
  }
  if (!hides || !shows) return {};
  std::vector<std::byte> out(picture.bytes());
  std::memcpy(out.data(), given, out.size());
  auto* const pixels = reinterpret_cast<T*>(out.data());
  const auto take = [&](int64_t i, int64_t from) {
    int32_t& own = steps[static_cast<size_t>(i)];
    const int32_t there = steps[static_cast<size_t>(from)] + 1;
    if (there >= own) return;
    own = there;
    std::copy_n(pixels + from * channels, channels - 1, pixels + i * channels);
  };
  for (int64_t i = 0; i < h * w; i++) {
    if (i % w > 0) take(i, i - 1);
    if (i >= w) take(i, i - w);
  }
  for (int64_t i = h * w - 1; i >= 0; i--) {
    if (i % w < w - 1) take(i, i + 1);
    if (i + w < h * w) take(i, i + w);
  }
  return out;
}

}  // namespace

size_t Samples::bytes() const {
  return static_cast<size_t>(height * width * channels) * size_of(type);
}

void read_window(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
                 float* rgb) {
  with_type(from.type,
            [&](auto sample) { read<decltype(sample)>(from, top, left, rows, columns, rgb); });
}

void mark_hidden(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
                 float* rgb) {
  if (from.channels % 2 != 0) return;
  with_type(from.type,
            [&](auto type) { mark<decltype(type)>(from, top, left, rows, columns, rgb); });
}

void write_window(const MutableSamples& to, int64_t top, int64_t left, int64_t rows,
                  int64_t columns, const float* rgb, int64_t stride) {
  with_type(to.type, [&](auto sample) {
    write<decltype(sample)>(to, top, left, rows, columns, rgb, stride);
  });
}

void put_hidden_back(const Samples& picture, void* restored) {
  with_type(picture.type, [&](auto sample) {
    using T = decltype(sample);
    const auto* from = static_cast<const T*>(picture.data);
    auto* to = static_cast<T*>(restored);
    const int channels = picture.channels;
    for (int64_t i = 0; i < picture.height * picture.width; i++, from += channels, to += channels)
      if (from[channels - 1] == T(0)) std::copy_n(from, channels, to);
  });
}

std::vector<std::byte> with_hidden_filled(const Samples& picture) {
  if (picture.channels % 2 == 1) return {};
  return with_type(picture.type, [&](auto sample) { return filled<decltype(sample)>(picture); });
}

}  // namespace dae
