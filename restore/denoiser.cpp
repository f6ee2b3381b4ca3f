#include <dae/denoiser.h>

#include <algorithm>

#include "data/image.h"
#include "record/engine_file.h"
#include "restore/restorer.h"
#include "restore/trained_network.h"
#include "runtime/error.h"

namespace dae {

struct Denoiser::Inside {
  NetworkConfig network;
  std::unique_ptr<Restorer> restorer;
};

namespace {

void check_sides(int64_t height, int64_t width) {
  constexpr int64_t kMost = 1 << 20;
  if (height < 1 || height > kMost) fail_field("height", "{}: give 1 to {} pixels", height, kMost);
  if (width < 1 || width > kMost) fail_field("width", "{}: give 1 to {} pixels", width, kMost);
}

}  // namespace

Denoiser::Denoiser(const std::filesystem::path& run, const DenoiserOptions& options)
    : inside_(std::make_unique<Inside>()) {
  use_for_networks(options.device);
  const TrainedNetwork trained = open_trained_network(run, options.device);
  inside_->network = trained.config.network;
  inside_->restorer =
      std::make_unique<Restorer>(options.device, trained.config.network, trained.parameters,
                                 trained.weights.data(), options.memory);
}
Denoiser::~Denoiser() = default;
Denoiser::Denoiser(Denoiser&&) noexcept = default;
Denoiser& Denoiser::operator=(Denoiser&&) noexcept = default;

void Denoiser::restore(const float* picture, int64_t height, int64_t width, float* restored,
                       const RestoreOptions& options) {
  check_sides(height, width);
  const std::vector<float> result = inside_->restorer->restore({picture, height, width}, options);
  std::copy(result.begin(), result.end(), restored);
}

void Denoiser::restore(const uint8_t* picture, int64_t height, int64_t width, uint8_t* restored,
                       const RestoreOptions& options) {
  check_sides(height, width);
  const std::vector<float> floats = to_floats({picture, height, width});
  const std::vector<float> result =
      inside_->restorer->restore({floats.data(), height, width}, options);
  const Image image = to_image(FloatView{result.data(), height, width});
  std::copy(image.pixels.begin(), image.pixels.end(), restored);
}

int64_t Denoiser::receptive_radius() const {
  return dae::receptive_radius(inside_->network);
}

}  // namespace dae
