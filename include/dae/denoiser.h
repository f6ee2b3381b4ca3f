// A trained network that restores pictures.
#pragma once

#include <dae/device.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace dae {

struct DenoiserOptions {
  Device device = best_device();
  // The most bytes that a call computes in, on the device: of the CPU, host memory. Smaller tiles
  // need less, and change the result by rounding alone. 0: what tiles of 768 x 768 pixels take.
  // Not counted: the weights; the result once more, as it is made (for fc, whose crops are blended,
  // five times the picture as f32); on a GPU what engines are timed in when a tile's size is new.
  size_t memory = 0;
};

struct RestoreOptions {
  // Of a pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Grey stays grey, alpha is handed on
  // as it is, and colours that it hides wholly stay what they are and reach nowhere.
  int channels = 3;
  // Gives each channel of the result the mean that it had: noise and blur go, exposure and colour
  // stay. The result is then held as f32 as well.
  bool keep_colour = false;
  // What a network with a noise input is told: the standard deviation of the picture's noise in units
  // of 1/255, more than there is for a smoother result, less for one that keeps more; below what
  // rounding to bytes leaves, 0.29, the picture is handed back as it is. None: what
  // Denoiser::noise_of() finds. A FieldError of `noise` for a network without.
  std::optional<double> noise = {};
  // The mean over the eight symmetries of the square: a little better, eight times as slow.
  bool best = false;
  // Called after every tile, on the calling thread, with the share that is done, at last 1; false
  // ends the call, which throws Cancelled.
  std::function<bool(double done)> progress = {};
};

// The file of the network that ships, which takes noise and slight blur out of photographs
// (models/README.md). Throws Error when it is not where it was built or installed.
std::filesystem::path shipped_network();

// Not for two threads at once, and on a GPU not two of them either.
class Denoiser {
 public:
  // The network of a run folder, as train() or the program train_cuda leave it: its averaged
  // weights; or that of a file, as the program export writes them. Throws Error when there is none or
  // it is damaged, of a run its previous checkpoint as well, FieldError of `device` when that cannot be used, and of `memory`, naming the least
  // that is enough, when it is too little.
  explicit Denoiser(const std::filesystem::path& network, const DenoiserOptions& options = {});
  ~Denoiser();
  Denoiser(Denoiser&&) noexcept;
  Denoiser& operator=(Denoiser&&) noexcept;

  // `picture` and `restored` are {height, width, channels}, row-major, host memory, any size from
  // 1x1; they may be the same. f32: in [0, 1], sRGB-encoded as files are; what is restored is not
  // clamped. `restored` is written at the end: after an exception it is what it was. Throws
  // FieldError for a size or number of channels out of range, Cancelled, OutOfMemory.
  void restore(const float* picture, int64_t height, int64_t width, float* restored,
               const RestoreOptions& options = {});
  // The same in 8 and in 16 bits: restored, clamped and rounded.
  void restore(const uint8_t* picture, int64_t height, int64_t width, uint8_t* restored,
               const RestoreOptions& options = {});
  void restore(const uint16_t* picture, int64_t height, int64_t width, uint16_t* restored,
               const RestoreOptions& options = {});

  // For people, or empty: that the run's newest checkpoint is damaged, and the one before it is used.
  const std::string& note() const;

  // Whether RestoreOptions::noise is for this network.
  bool has_noise_input() const;

  // The standard deviation of the noise in a picture, as restore() takes it, in units of 1/255: by what
  // the network takes away where the picture is even. FieldError of `noise` for a network without a
  // noise input.
  double noise_of(const float* picture, int64_t height, int64_t width, int channels = 3);
  double noise_of(const uint8_t* picture, int64_t height, int64_t width, int channels = 3);
  double noise_of(const uint16_t* picture, int64_t height, int64_t width, int channels = 3);

  // Pixels that the result at a pixel depends on, each way; beyond it nothing matters but the
  // picture's exposure, which is decided once.
  int64_t receptive_radius() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace dae
