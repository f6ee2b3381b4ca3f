// What every measure looks at: an interleaved RGB image, f32, nominally in [0, 1].
#pragma once

#include <cstdint>

namespace dae {

struct ImageView {
  const float* data = nullptr;  // {height, width, 3}, row-major
  int64_t height = 0, width = 0;

  int64_t count() const { return height * width * 3; }
};

}  // namespace dae
