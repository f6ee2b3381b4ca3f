#include <dae/denoiser.h>

#include <cstring>

#include "record/engine_file.h"
#include "restore/restorer.h"
#include "restore/samples.h"
#include "restore/trained_network.h"
#include "runtime/error.h"

namespace dae {

struct Denoiser::Inside {
  NetworkConfig network;
  std::string note;
  std::unique_ptr<Restorer> restorer;

  void restore(const Samples& picture, void* restored, const RestoreOptions& options);
  double noise_of(const Samples& picture);
};

namespace {

void check(const Samples& picture) {
  constexpr int64_t kMost = 1 << 20;
  const int64_t height = picture.height, width = picture.width;
  if (height < 1 || height > kMost) fail_field("height", "{}: give 1 to {} pixels", height, kMost);
  if (width < 1 || width > kMost) fail_field("width", "{}: give 1 to {} pixels", width, kMost);
  if (picture.channels < 1 || picture.channels > 4)
    fail_field("channels", "{}: give 1 to 4", picture.channels);
}

// A checked picture as the network shall see it, with what transparency hides filled.
struct Visible {
  std::vector<std::byte> filled;
  Samples samples;

  explicit Visible(const Samples& picture) : samples(picture) {
    check(picture);
    filled = with_hidden_filled(picture);
    if (!filled.empty()) samples.data = filled.data();
  }
};

}  // namespace

// Into memory of its own, since tiles still to come read what those before them restored.
void Denoiser::Inside::restore(const Samples& picture, void* restored,
                               const RestoreOptions& options) {
  const Visible given(picture);
  std::vector<std::byte> made(picture.bytes());
  std::memcpy(made.data(), picture.data, made.size());  // its alpha
  restorer->restore(given.samples,
                    {made.data(), picture.type, picture.channels, picture.height, picture.width},
                    options);
  if (!given.filled.empty()) put_hidden_back(picture, made.data());
  std::memcpy(restored, made.data(), made.size());
}

double Denoiser::Inside::noise_of(const Samples& picture) {
  return restorer->noise_of(Visible(picture).samples);
}

Denoiser::Denoiser(const std::filesystem::path& network, const DenoiserOptions& options)
    : inside_(std::make_unique<Inside>()) {
  use_for_networks(options.device);
  const TrainedNetwork trained = open_trained_network(network, options.device);
  inside_->network = trained.config.network;
  inside_->note = trained.note;
  inside_->restorer =
      std::make_unique<Restorer>(options.device, trained.config.network, trained.parameters,
                                 trained.weights.data(), options.memory);
}
Denoiser::~Denoiser() = default;
Denoiser::Denoiser(Denoiser&&) noexcept = default;
Denoiser& Denoiser::operator=(Denoiser&&) noexcept = default;

void Denoiser::restore(const float* picture, int64_t height, int64_t width, float* restored,
                       const RestoreOptions& options) {
  inside_->restore({picture, SampleType::f32, options.channels, height, width}, restored, options);
}

void Denoiser::restore(const uint8_t* picture, int64_t height, int64_t width, uint8_t* restored,
                       const RestoreOptions& options) {
  inside_->restore({picture, SampleType::u8, options.channels, height, width}, restored, options);
}

void Denoiser::restore(const uint16_t* picture, int64_t height, int64_t width, uint16_t* restored,
                       const RestoreOptions& options) {
  inside_->restore({picture, SampleType::u16, options.channels, height, width}, restored, options);
}

const std::string& Denoiser::note() const {
  return inside_->note;
}

bool Denoiser::has_noise_input() const {
  return inside_->network.noise_input;
}

double Denoiser::noise_of(const float* picture, int64_t height, int64_t width, int channels) {
  return inside_->noise_of({picture, SampleType::f32, channels, height, width});
}

double Denoiser::noise_of(const uint8_t* picture, int64_t height, int64_t width, int channels) {
  return inside_->noise_of({picture, SampleType::u8, channels, height, width});
}

double Denoiser::noise_of(const uint16_t* picture, int64_t height, int64_t width, int channels) {
  return inside_->noise_of({picture, SampleType::u16, channels, height, width});
}

int64_t Denoiser::receptive_radius() const {
  return dae::receptive_radius(inside_->network);
}

}  // namespace dae
