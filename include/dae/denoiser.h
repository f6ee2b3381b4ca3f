// A trained network that restores pictures.
#pragma once

#include <dae/device.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

namespace dae {

struct DenoiserOptions {
  Device device = best_device();
  // The most bytes of the device's memory that a call computes in: what the network's layers make
  // of a tile. Beside it are the weights, pictures as f32 in host memory (of fc, which blends its
  // crops, five times the picture), and what a GPU's libraries are tried in when a tile's size is
  // new. 0: what a tile of 768 x 768 pixels takes. Smaller tiles change the result by rounding
  // alone.
  size_t memory = 0;
};

struct RestoreOptions {
  bool keep_colour = false;  // scaled, a factor a channel, to the exposure of what was given
  // Called now and then with the share that is done, in (0, 1]; false ends the call, which throws
  // Cancelled.
  std::function<bool(double done)> progress = {};
};

// Not for two threads at once, and on a GPU not two of them either.
class Denoiser {
 public:
  // The network of a run folder that train_cuda left, as its averaged weights. Throws Error when
  // there is none or it is damaged, or the device cannot be used.
  explicit Denoiser(const std::filesystem::path& run, const DenoiserOptions& options = {});
  ~Denoiser();
  Denoiser(Denoiser&&) noexcept;
  Denoiser& operator=(Denoiser&&) noexcept;

  // `picture` and `restored` are {height, width, 3}, RGB, row-major, host memory, any size from
  // 1x1; they may be the same. f32: in [0, 1], sRGB-encoded as files are; what is restored is not
  // clamped. Throws FieldError for a size below 1 or a memory that is too small, Cancelled,
  // OutOfMemory as Error.
  void restore(const float* picture, int64_t height, int64_t width, float* restored,
               const RestoreOptions& options = {});
  // The same in 8 bits: restored, clamped and rounded.
  void restore(const uint8_t* picture, int64_t height, int64_t width, uint8_t* restored,
               const RestoreOptions& options = {});

  // Pixels that the result at a pixel depends on, each way; beyond it nothing matters but the
  // picture's exposure, which is decided once.
  int64_t receptive_radius() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace dae
