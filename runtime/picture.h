// Pictures as every room sees them: RGB somewhere in host memory, {height, width, 3}, row-major,
// without gaps. The memory is someone else's.
#pragma once

#include <cstdint>

namespace dae {

template <class T>
struct PictureView {
  const T* data = nullptr;
  int64_t height = 0, width = 0;

  int64_t count() const { return height * width * 3; }  // of elements
};

using ByteView = PictureView<uint8_t>;
using FloatView = PictureView<float>;  // sRGB-encoded as files are, nominally in [0, 1]

}  // namespace dae
