// Restores whole pictures of any size with a trained network.
//
// Brightness and colour are decided once for the picture, then applied to every tile: unet's global
// path looks at up to 64 crops of the size it was trained on, and their gains are averaged as
// logarithms. fc has no such path, so the gain that each of its crops came out with is measured by
// least squares and replaced by the picture's. Tiles of unet and conv overlap by the receptive
// field and only pixels that saw all they can see are kept, so tiling leaves no trace; crops of fc
// are blended under a raised cosine.
#pragma once

#include <memory>
#include <vector>

#include "model/network.h"
#include "runtime/executor.h"

namespace dae {

class Restorer {
 public:
  // `weights` are laid out as `parameters` says, and are copied.
  Restorer(Device device, const NetworkConfig& config, const ParameterSet& parameters,
           const float* weights);
  ~Restorer();

  // `picture` is {height, width, 3}, f32, row-major, of any size from 1x1; so is the result, which
  // is not clamped. With keep_colour the result is scaled, a factor a channel, to the input's
  // exposure.
  std::vector<float> restore(const std::vector<float>& picture, int64_t height, int64_t width,
                             bool keep_colour = false);

 private:
  struct Pass;  // a plan for one shape, with its memory
  Pass& pass_for(const Shape& x, bool gain_only);
  std::vector<float> picture_gain(const std::vector<float>& picture, int64_t height, int64_t width);
  std::vector<float> restore_tiled(const std::vector<float>& picture, int64_t height,
                                   int64_t width);
  std::vector<float> restore_crops(const std::vector<float>& picture, int64_t height,
                                   int64_t width);

  Device device_;
  NetworkConfig config_;
  ParameterSet parameters_;
  Buffer weights_;
  std::vector<std::unique_ptr<Pass>> passes_;  // those used last, so that memory does not grow
};

}  // namespace dae
