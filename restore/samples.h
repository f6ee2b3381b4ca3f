// Pictures as they lie in somebody's memory, read and written a window at a time as the RGB floats
// that networks take: a large picture is never there twice as floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dae {

enum class SampleType { u8, u16, f32 };

// {height, width, channels}, row-major: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
struct Samples {
  const void* data = nullptr;
  SampleType type = SampleType::f32;
  int channels = 3;
  int64_t height = 0, width = 0;

  size_t bytes() const;
};

struct MutableSamples {
  void* data = nullptr;
  SampleType type = SampleType::f32;
  int channels = 3;
  int64_t height = 0, width = 0;
};

// The window of rows x columns that starts at (top, left) as RGB in [0, 1]. What lies outside the
// picture is its reflection; grey is spread, alpha left out.
void read_window(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
                 float* rgb);

// Makes those of the window's pixels NaN that are wholly transparent.
void mark_hidden(const Samples& from, int64_t top, int64_t left, int64_t rows, int64_t columns,
                 float* rgb);

// Writes rows x columns pixels, which lie inside the picture, from `rgb`, whose rows are `stride`
// pixels apart. Whole numbers are clamped and rounded to the nearest; of a grey picture each pixel
// becomes the mean of its channels; alpha is not touched.
void write_window(const MutableSamples& to, int64_t top, int64_t left, int64_t rows,
                  int64_t columns, const float* rgb, int64_t stride);

// The same picture with another colour where it is wholly transparent: that of a visible pixel close
// by. What hides there, often black, would otherwise reach into what is seen. Empty when nothing is
// hidden, or all.
std::vector<std::byte> with_hidden_filled(const Samples& picture);
// Gives wholly transparent pixels of `restored`, a picture like `picture`, the colours they had.
void put_hidden_back(const Samples& picture, void* restored);

}  // namespace dae
