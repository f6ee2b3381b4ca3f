// A trained network as other programs use it (dae/denoiser.h), against the restorer behind it.
#include <dae/denoiser.h>
#include <dae/error.h>

#include <cmath>

#include "data/image.h"
#include "restore/restorer.h"
#include "restore/trained_network.h"
#include "tests/support/op_case.h"
#include "tests/support/programs.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

class DenoiserTest : public Programs, public testing::WithParamInterface<Device> {
 protected:
  void SetUp() override {
    if (device() == Device::cuda && !why_no_networks_on_cuda().empty())
      GTEST_SKIP() << why_no_networks_on_cuda();
    setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);  // of the engines that are chosen here
  }
  static Device device() { return GetParam(); }
  Denoiser open(size_t memory = 0) {
    return Denoiser(path("run"), {.device = device(), .memory = memory});
  }
  void train_unet() {
    make_photos("photos");
    const Outcome outcome = run(train("--steps 3 --device cpu --out " + path("run")));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }

  static std::vector<float> picture(int64_t height, int64_t width) {
    const Values values = random_values(height * width * 3, 5, 0, 1);
    return {values.begin(), values.end()};
  }
  std::vector<float> by_restorer(const std::vector<float>& given, int64_t height, int64_t width,
                                 bool keep_colour) {
    const TrainedNetwork trained = open_trained_network(path("run"), device());
    Restorer restorer(device(), trained.config.network, trained.parameters, trained.weights.data());
    return restorer.restore({given.data(), height, width}, {.keep_colour = keep_colour});
  }
};

TEST_P(DenoiserTest, RestoresWhatTheRestorerDoes) {
  train_unet();
  Denoiser denoiser = open();
  EXPECT_GT(denoiser.receptive_radius(), 8);
  for (const bool keep_colour : {false, true}) {
    const std::vector<float> given = picture(41, 77);
    std::vector<float> restored = given;  // in place
    denoiser.restore(restored.data(), 41, 77, restored.data(), {.keep_colour = keep_colour});
    EXPECT_EQ(restored, by_restorer(given, 41, 77, keep_colour));
    EXPECT_NE(restored, given);
  }
}

TEST_P(DenoiserTest, BytesAreClampedAndRounded) {
  train_unet();
  Denoiser denoiser = open();
  const Values values = random_values(9 * 14 * 3, 8, 0, 255);
  std::vector<uint8_t> bytes(values.begin(), values.end()), restored(bytes.size());
  denoiser.restore(bytes.data(), 9, 14, restored.data());
  std::vector<float> given(bytes.begin(), bytes.end());
  for (float& value : given) value /= 255.0f;
  const std::vector<float> expected = by_restorer(given, 9, 14, false);
  for (size_t i = 0; i < restored.size(); i++)
    ASSERT_EQ(restored[i], std::lround(std::clamp(expected[i], 0.0f, 1.0f) * 255.0f)) << i;
}

// Of every depth and number of channels: grey stays grey, alpha what it is, and what it hides reaches
// nowhere.
TEST_P(DenoiserTest, TakesEveryKindOfPicture) {
  train_unet();
  Denoiser denoiser = open();
  constexpr int64_t kHeight = 20, kWidth = 30, kPixels = kHeight * kWidth;
  const Values values = random_values(kPixels, 8, 20000, 45000);
  const std::vector<uint16_t> grey(values.begin(), values.end());
  std::vector<uint16_t> rgb, grey_alpha, rgba, restored(4 * grey.size());
  for (size_t i = 0; i < grey.size(); i++) {
    const auto alpha = static_cast<uint16_t>(i % 3 * 30000);
    rgb.insert(rgb.end(), 3, grey[i]);
    grey_alpha.insert(grey_alpha.end(), {grey[i], alpha});
    rgba.insert(rgba.end(), {grey[i], grey[i], grey[i], alpha});
  }
  std::vector<uint16_t> colours(rgb.size());
  denoiser.restore(rgb.data(), kHeight, kWidth, colours.data());
  denoiser.restore(grey.data(), kHeight, kWidth, restored.data(), {.channels = 1});
  for (size_t i = 0; i < grey.size(); i++)
    ASSERT_NEAR(restored[i], (colours[3 * i] + colours[3 * i + 1] + colours[3 * i + 2]) / 3.0, 1.5);
  // Another colour where nothing is seen changes nothing that is seen.
  std::vector<uint16_t> hidden = rgba, again(rgba.size());
  for (size_t i = 0; i < grey.size(); i += 3) hidden[4 * i] = static_cast<uint16_t>(~hidden[4 * i]);
  denoiser.restore(rgba.data(), kHeight, kWidth, restored.data(), {.channels = 4});
  denoiser.restore(hidden.data(), kHeight, kWidth, again.data(), {.channels = 4});
  for (size_t i = 0; i < rgba.size(); i++) {
    const bool is_hidden = i / 4 % 3 == 0;
    ASSERT_EQ(restored[i], is_hidden || i % 4 == 3 ? rgba[i] : again[i]) << i;
  }
  denoiser.restore(grey_alpha.data(), kHeight, kWidth, restored.data(), {.channels = 2});
  for (size_t i = 1; i < grey_alpha.size(); i += 2) ASSERT_EQ(restored[i], grey_alpha[i]);
}

// The same picture as floats, as bytes and in 16 bits; what is hidden by transparency is not looked at.
TEST_P(DenoiserTest, FindsTheNoiseOfEveryKindOfPicture) {
  make_photos("photos");
  const Outcome outcome =
      run(train("--steps 3 --noise-input on --global off --device cpu --out " + path("run")));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Denoiser denoiser = open();
  EXPECT_TRUE(denoiser.has_noise_input());
  constexpr int64_t kHeight = 40, kWidth = 60, kPixels = kHeight * kWidth;
  const Values values = random_values(kPixels, 8, 100, 150);
  const std::vector<uint8_t> grey(values.begin(), values.end());
  std::vector<float> floats;
  std::vector<uint16_t> deep;
  std::vector<uint8_t> rgb, rgba, hidden;
  for (size_t i = 0; i < grey.size(); i++) {
    const uint8_t value = grey[i], alpha = i % 60 < 20 ? 0 : 255;
    floats.insert(floats.end(), 3, static_cast<float>(value) / 255);
    deep.insert(deep.end(), 3, static_cast<uint16_t>(value * 257));
    rgb.insert(rgb.end(), 3, value);
    rgba.insert(rgba.end(), {value, value, value, alpha});
    const auto other = static_cast<uint8_t>(alpha == 0 ? i * 77 : value);
    hidden.insert(hidden.end(), {other, other, other, alpha});
  }
  const double noise = denoiser.noise_of(floats.data(), kHeight, kWidth);
  EXPECT_GT(noise, 0);
  EXPECT_NEAR(denoiser.noise_of(rgb.data(), kHeight, kWidth), noise, 1e-3 * noise);
  EXPECT_NEAR(denoiser.noise_of(deep.data(), kHeight, kWidth), noise, 1e-3 * noise);
  EXPECT_NEAR(denoiser.noise_of(grey.data(), kHeight, kWidth, 1), noise, 1e-3 * noise);
  EXPECT_EQ(denoiser.noise_of(hidden.data(), kHeight, kWidth, 4),
            denoiser.noise_of(rgba.data(), kHeight, kWidth, 4));
  // What nobody says is what is found.
  std::vector<float> told = floats, found = floats;
  denoiser.restore(told.data(), kHeight, kWidth, told.data(), {.noise = noise});
  denoiser.restore(found.data(), kHeight, kWidth, found.data());
  EXPECT_EQ(told, found);
}

// What does not fit is refused before a sample is looked at.
TEST_P(DenoiserTest, SizesHaveLimits) {
  train_unet();
  Denoiser denoiser = open();
  uint8_t pixel[4] = {};
  const auto said_of = [&](int64_t height, int64_t width, int channels) {
    return said<FieldError>(
        [&] { denoiser.restore(pixel, height, width, pixel, {.channels = channels}); });
  };
  for (const int channels : {1, 2, 3, 4}) EXPECT_EQ(said_of(1, 1, channels), "accepted");
  for (const int64_t side : {0, 1'048'577}) {
    const std::string words = std::to_string(side) + ": give 1 to 1048576 pixels";
    EXPECT_EQ(said_of(side, 1, 3), "height " + words);
    EXPECT_EQ(said_of(1, side, 3), "width " + words);
  }
  EXPECT_EQ(said_of(1, 1, 0), "channels 0: give 1 to 4");
  EXPECT_EQ(said_of(1, 1, 5), "channels 5: give 1 to 4");
}

// Tiles as small as memory wants them leave the result as it was but for rounding.
TEST_P(DenoiserTest, MemoryBoundsTheTiles) {
  train_unet();
  const int64_t height = 250, width = 300;
  const std::vector<float> given = picture(height, width);
  std::vector<float> whole(given.size()), tiled(given.size());
  size_t tiles = 0;
  const RestoreOptions count{.progress = [&](double) {
    tiles++;
    return true;
  }};
  open().restore(given.data(), height, width, whole.data(), count);
  EXPECT_EQ(tiles, 1u);
  size_t least = 0;
  for (size_t memory = size_t{1} << 20; least == 0; memory += memory / 4) try {
      tiles = 0;
      Denoiser denoiser = open(memory);
      least = memory;
      denoiser.restore(given.data(), height, width, tiled.data(), count);
    } catch (const FieldError& error) {
      EXPECT_EQ(error.field(), "memory");
      ASSERT_LT(memory, size_t{1} << 30) << error.what();
    }
  EXPECT_GT(tiles, 4u);
  for (size_t i = 0; i < whole.size(); i++) ASSERT_NEAR(tiled[i], whole[i], 1e-5) << i;
}

TEST_P(DenoiserTest, TellsHowFarItIsAndStopsWhenAsked) {
  train_unet();
  Denoiser denoiser = open(size_t{48} << 20);
  const int64_t height = 200, width = 900;
  const std::vector<float> given = picture(height, width);
  std::vector<float> restored(given.size(), -7);
  std::vector<double> told;
  denoiser.restore(given.data(), height, width, restored.data(), {.progress = [&](double done) {
                     told.push_back(done);
                     return true;
                   }});
  ASSERT_GT(told.size(), 1u);
  for (size_t i = 1; i < told.size(); i++) EXPECT_GT(told[i], told[i - 1]);
  EXPECT_GT(told.front(), 0);
  EXPECT_EQ(told.back(), 1);
  const std::vector<float> before = restored;
  int calls = 0;
  EXPECT_THROW(denoiser.restore(given.data(), height, width, restored.data(),
                                {.progress = [&](double) { return ++calls < 2; }}),
               Cancelled);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(restored, before) << "nothing half-written";
}

TEST_P(DenoiserTest, RefusalsSayWhatIsWrong) {
  EXPECT_THROW(Denoiser(path("nowhere"), {.device = device()}), Error);
  train_unet();
  Denoiser denoiser = open();
  float pixel[3] = {};
  try {
    denoiser.restore(pixel, 1, 0, pixel);
    FAIL() << "accepted";
  } catch (const FieldError& error) {
    EXPECT_EQ(error.field(), "width");
  }
  try {
    denoiser.restore(pixel, 1, 1, pixel, {.channels = 5});
    FAIL() << "accepted";
  } catch (const FieldError& error) {
    EXPECT_EQ(error.field(), "channels");
  }
  EXPECT_FALSE(denoiser.has_noise_input());
  try {
    denoiser.noise_of(pixel, 1, 1);
    FAIL() << "accepted";
  } catch (const FieldError& error) {
    EXPECT_EQ(error.field(), "noise");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DenoiserTest, testing::ValuesIn(tested_devices()), device_name);

class DenoiserRefusals : public Programs {};

TEST_F(DenoiserRefusals, AGpuThatIsNotThere) {
  if (why_no_networks_on_cuda().empty()) GTEST_SKIP() << "there is one";
  EXPECT_EQ(best_device(), Device::cpu);
  try {
    Denoiser(path("run"), {.device = Device::cuda});
    FAIL() << "opened";
  } catch (const FieldError& error) {
    EXPECT_EQ(error.field(), "device");
  }
}

}  // namespace
}  // namespace dae::test
