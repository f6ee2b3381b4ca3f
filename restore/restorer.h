// Restores whole pictures of any size with a trained network.
//
// Brightness and colour are decided once for the picture, then applied to every tile: unet's global
// path looks at up to 64 crops of the size it was trained on, and their gains are averaged as
// logarithms. fc has no such path, so the gain that each of its crops came out with is measured, as the
// ratio of sums, and replaced by the picture's. Tiles of unet and conv overlap by the receptive
// field and only pixels that saw all they can see are kept, so tiling leaves no trace; crops of fc
// are blended under a raised cosine.
#pragma once

#include <dae/denoiser.h>

#include <memory>
#include <vector>

#include "model/network.h"
#include "restore/samples.h"
#include "runtime/picture.h"
#include "runtime/program.h"

namespace dae {

// Crops that the global path looks at, at most, along a side of a picture.
inline constexpr int64_t kGainCrops = 8;

// 1 / sqrt(12) of 255: what rounding to bytes leaves of noise. Less than that cannot be seen in a picture
// of bytes, which a network that is told of it hands back as it is.
inline constexpr double kNoiseOfRounding = 0.29;

class Restorer {
 public:
  // `weights` are laid out as `parameters` says, and are copied. `memory` as in DenoiserOptions;
  // throws FieldError of `memory` when the smallest tile does not fit into it.
  Restorer(Device device, const NetworkConfig& config, const ParameterSet& parameters,
           const float* weights, size_t memory = 0);
  ~Restorer();

  // A picture of any size from 1x1 into another of its size, type and channels, which does not share
  // its memory; of an alpha channel nothing is read or written. Throws Cancelled when the options'
  // progress says so.
  void restore(const Samples& picture, const MutableSamples& restored,
               const RestoreOptions& options = {});
  // The same as {height, width, 3}, row-major, not clamped.
  std::vector<float> restore(FloatView picture, const RestoreOptions& options = {});

  // Denoiser::noise_of().
  double noise_of(const Samples& picture);

 private:
  struct Pass;
  Pass plan_pass(const Shape& shape, bool gain_only);
  Pass& pass_for(std::unique_ptr<Pass>& kept, const Shape& x, bool gain_only = false);
  size_t bytes_of(const Shape& x, bool gain_only);
  int64_t tile_for(size_t memory);
  static void tell(Pass& pass, double noise);
  Shape noise_window() const;
  std::vector<float> picture_gain(const Samples& picture);
  void run_tile(Pass& pass, std::vector<float>& tile, bool best);
  void restore_told(const Samples& picture, const MutableSamples& restored,
                    const RestoreOptions& options);
  void restore_tiled(const Samples& picture, const MutableSamples& restored,
                     const RestoreOptions& options);
  std::vector<float> restore_crops(const Samples& picture, const RestoreOptions& options);

  Device device_;
  NetworkConfig config_;
  ParameterSet parameters_;
  Buffer weights_;
  int64_t largest_tile_;  // pixels a side; of networks that take tiles
  std::unique_ptr<Pass> tile_pass_, gain_pass_, noise_pass_;
};

}  // namespace dae
