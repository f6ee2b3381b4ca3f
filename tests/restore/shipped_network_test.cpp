// The network that ships, held to what models/README.md says of it, on pictures that this project
// draws: dead leaves, which it was not trained on, and even colours.
#include <dae/denoiser.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "corrupt/corrupted_view.h"
#include "corrupt/spec.h"
#include "data/synthetic.h"

namespace dae::test {
namespace {

constexpr int64_t kHeight = 128, kWidth = 128;  // one window for finding the noise

Source leaves(uint64_t number, Image& kept) {
  kept = draw_dead_leaves(5, number, kHeight, kWidth);
  return {kept.pixels.data(), 3 * kWidth, static_cast<int32_t>(kHeight),
          static_cast<int32_t>(kWidth)};
}

CorruptedPicture corrupted_leaves(uint64_t number, const CorruptSpec& spec) {
  Image kept;
  const Source source = leaves(number, kept);
  return corrupt_picture(source, draw_evaluation(spec, 1, static_cast<int64_t>(number), {}),
                         flags_of(spec));
}

CorruptedPicture noisy_leaves(uint64_t number, double sigma) {
  CorruptSpec spec = no_corruption();
  const auto level = static_cast<float>(sigma);
  spec.noise = {level, level, sigma > 0};
  spec.clip = spec.quantize = false;
  return corrupted_leaves(number, spec);
}

// Over the pixels that `counts` names.
template <class Counts>
double psnr(const CorruptedPicture& picture, const std::vector<float>& values,
            const Counts& counts) {
  double sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < values.size(); i++) {
    const int64_t pixel = static_cast<int64_t>(i) / 3;
    if (!counts(pixel / kWidth, pixel % kWidth)) continue;
    const double error = std::clamp(values[i], 0.0f, 1.0f) - picture.clean_pixels[i] / 255.0;
    sum += error * error;
    count++;
  }
  return -10 * std::log10(sum / static_cast<double>(count));
}
bool everywhere(int64_t, int64_t) {
  return true;
}

std::vector<float> restored(Denoiser& denoiser, const CorruptedPicture& picture,
                            const RestoreOptions& options = {}) {
  std::vector<float> values(picture.corrupted_pixels.size());
  denoiser.restore(picture.corrupted_pixels.data(), kHeight, kWidth, values.data(), options);
  return values;
}

double noise_of(Denoiser& denoiser, const CorruptedPicture& picture) {
  return denoiser.noise_of(picture.corrupted_pixels.data(), kHeight, kWidth);
}

TEST(ShippedNetwork, IsSmallAndCanBeTold) {
  EXPECT_LE(std::filesystem::file_size(shipped_network()), 8'000'000u);
  EXPECT_TRUE(Denoiser(shipped_network(), {.device = Device::cpu}).has_noise_input());
}

TEST(ShippedNetwork, TakesNoiseOutAndSaysHowMuch) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  for (const auto& [sigma, gain] : {std::pair{5.0, 1.2}, {15.0, 5.0}, {25.0, 7.0}, {50.0, 8.5}}) {
    const CorruptedPicture picture = noisy_leaves(4, sigma);
    const double estimate = noise_of(denoiser, picture);
    EXPECT_NEAR(estimate, sigma, 0.15 * sigma + 0.3);
    const double before = psnr(picture, picture.corrupted_pixels, everywhere);
    const double blind = psnr(picture, restored(denoiser, picture), everywhere);
    const double told = psnr(picture, restored(denoiser, picture, {.noise = sigma}), everywhere);
    EXPECT_GT(blind, before + gain) << sigma;
    EXPECT_NEAR(told, blind, 0.25) << sigma;
    EXPECT_GT(
        psnr(picture, restored(denoiser, picture, {.noise = sigma, .best = true}), everywhere),
        told)
        << sigma;
  }
}

// Of a grey picture noise is the same in all channels, which is not what three channels' own noise is.
TEST(ShippedNetwork, TakesNoiseOutOfGreyPictures) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  const CorruptedPicture picture = noisy_leaves(4, 25);
  std::vector<float> clean, given;
  for (size_t i = 0; i < picture.clean_pixels.size(); i += 3) {
    clean.push_back(static_cast<float>(picture.clean_pixels[i]) / 255);
    given.push_back(picture.corrupted_pixels[i]);
  }
  std::vector<float> made(given.size());
  denoiser.restore(given.data(), kHeight, kWidth, made.data(), {.channels = 1});
  EXPECT_NEAR(denoiser.noise_of(given.data(), kHeight, kWidth, 1), 25, 5);
  double before = 0, after = 0;
  for (size_t i = 0; i < clean.size(); i++) {
    before += (given[i] - clean[i]) * (given[i] - clean[i]);
    after += (made[i] - clean[i]) * (made[i] - clean[i]);
  }
  EXPECT_GT(10 * std::log10(before / after), 5.5) << "dB gained";
}

// What a JPEG file and a camera's demosaicing leave of noise is found and taken out as well.
TEST(ShippedNetwork, TakesNoiseOutThatWentThroughSomething) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  CorruptSpec file = no_corruption(), camera = no_corruption(), light = no_corruption();
  file.order = camera.order = light.order = Order::camera;
  file.noise = camera.noise = {15, 15};
  file.jpeg = {80, 80};
  camera.grain = {0.7f, 0.7f};
  light.shot = {25, 25};
  for (const CorruptSpec& spec : {file, camera, light}) {
    const CorruptedPicture picture = corrupted_leaves(4, spec);
    EXPECT_GT(noise_of(denoiser, picture), 9);
    EXPECT_GT(psnr(picture, restored(denoiser, picture), everywhere),
              psnr(picture, picture.corrupted_pixels, everywhere) + 2.5)
        << to_string(spec.jpeg) << " " << to_string(spec.grain);
  }
}

// Drawn edges are the worst case: it takes them for blurred ones. Photographs have 12 dB more.
TEST(ShippedNetwork, LeavesACleanPictureAlone) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  for (const uint64_t number : {3, 4, 6}) {
    const CorruptedPicture picture = noisy_leaves(number, 0);
    EXPECT_LT(noise_of(denoiser, picture), 3);
    EXPECT_GT(psnr(picture, restored(denoiser, picture), everywhere), 36);
  }
}

TEST(ShippedNetwork, EvenPicturesStayWhatTheyAre) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  const uint8_t colours[][3] = {{0, 0, 0},     {255, 255, 255}, {128, 128, 128}, {1, 2, 3},
                                {254, 253, 0}, {255, 0, 0},     {0, 255, 0},     {10, 20, 240}};
  for (const auto& colour : colours)
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 1}, {50, 70}}) {
      std::vector<uint8_t> picture;
      for (int64_t i = 0; i < height * width; i++)
        picture.insert(picture.end(), std::begin(colour), std::end(colour));
      std::vector<uint8_t> made(picture.size());
      for (const std::optional<double> noise : {std::optional<double>(), {0.0}}) {
        denoiser.restore(picture.data(), height, width, made.data(), {.noise = noise});
        for (size_t i = 0; i < made.size(); i++)
          ASSERT_EQ(made[i], picture[i]) << height << " rows of " << int{colour[0]} << " "
                                         << int{colour[1]} << " " << int{colour[2]};
      }
    }
}

// What is told is heard: the more noise, the less is left of fine detail, up to what there is. (Beyond that
// photographs become smoother still, and drawn edges sharper.)
TEST(ShippedNetwork, MoreToldIsSmoother) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  const CorruptedPicture picture = noisy_leaves(2, 15);
  double last = 1e9;
  for (const double noise : {0.0, 2.0, 8.0, 15.0}) {
    const std::vector<float> values = restored(denoiser, picture, {.noise = noise});
    double variation = 0;
    for (size_t i = 3; i < values.size(); i++) variation += std::abs(values[i] - values[i - 3]);
    EXPECT_LT(variation, 0.99 * last) << noise;
    last = variation;
  }
}

TEST(ShippedNetwork, RestoresBordersAsWellAsTheMiddle) {
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  double border = 0, middle = 0;
  for (uint64_t number = 0; number < 8; number++) {
    const CorruptedPicture picture = noisy_leaves(number, 25);
    const std::vector<float> values = restored(denoiser, picture, {.noise = 25});
    const auto outer = [](int64_t y, int64_t x) {
      return y < 16 || x < 16 || y >= kHeight - 16 || x >= kWidth - 16;
    };
    border += std::pow(10, -psnr(picture, values, outer) / 10);
    middle += std::pow(
        10, -psnr(picture, values, [&](int64_t y, int64_t x) { return !outer(y, x); }) / 10);
  }
  EXPECT_LT(10 * std::log10(border / middle), 1.0) << "dB of difference";
}

}  // namespace
}  // namespace dae::test
