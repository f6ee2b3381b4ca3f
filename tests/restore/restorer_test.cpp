// Whole pictures: tiles leave no trace, any size works, brightness is one decision for the picture.
#include "restore/restorer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>

#include "model/output_stage.h"
#include "restore/noise_level.h"
#include "restore/samples.h"
#include "runtime/error.h"
#include "tests/support/op_case.h"

namespace dae::test {
namespace {

struct Model {
  NetworkConfig config;
  ParameterSet parameters;
  std::vector<float> weights;

  explicit Model(const NetworkConfig& c) : config(c) {
    Plan plan;
    Builder builder(Device::cpu, plan, parameters, false);
    build_network(builder, config, plan.external("x", {1, config.size, config.size, 3}),
                  declare_told(plan, config, 1));
    weights.resize(static_cast<size_t>(parameters.count()));
    parameters.initialize(3, weights.data());
    // The gain's layer starts at zero; here it shall do something.
    for (const Parameter& p : parameters.list())
      if (p.name == "global.output.weight")
        for (int64_t i = 0; i < p.shape.count(); i++)
          weights[static_cast<size_t>(p.offset + i)] = 0.02f * static_cast<float>(i % 7 - 3);
  }
  Restorer restorer() const { return {Device::cpu, config, parameters, weights.data()}; }
};

std::vector<float> picture_of(int64_t height, int64_t width) {
  const Values values = random_values(height * width * 3, 11, 0, 1);
  return {values.begin(), values.end()};
}

// The whole picture as one tile, through the plan itself. Sides are multiples of 8.
std::vector<float> in_one_piece(const Model& model, const std::vector<float>& picture,
                                int64_t height, int64_t width, const std::vector<float>& gain,
                                float told = 0) {
  Plan plan;
  ParameterSet parameters = model.parameters;
  Builder builder(Device::cpu, plan, parameters, false);
  const Shape shape = {1, height, width, 3};
  const TensorId x = plan.external("x", shape), y = plan.external("y", shape);
  NetworkOutput network;
  if (!gain.empty()) network.gain = plan.external("gain", {1, 3});
  const TensorId noise = declare_told(plan, model.config, 1);
  network.values = build_body(builder, model.config, x, noise);
  output_stage(model.config, network, x)->add_restoration(builder, y);
  Program program(Device::cpu, std::move(plan));
  program.allocate();
  program.write(x, picture.data());
  if (!gain.empty()) program.write(network.gain, gain.data());
  if (noise != kNoTensor) program.write(noise, &told);
  program.write(builder.weights(), model.weights.data());
  program.run();
  return program.floats(y);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); i++) largest = std::max(largest, std::abs(double{a[i]} - b[i]));
  return largest;
}

// With weights as large as trained ones, of the variance that keeps a layer's: those of a fresh network
// carry almost nothing from pixel to pixel.
Model full_sized(const NetworkConfig& config) {
  Model model(config);
  for (size_t k = 0; k < model.parameters.list().size(); k++) {
    const Parameter& p = model.parameters.list()[k];
    const int64_t count = p.shape.count();
    const double bound =
        p.shape.rank() > 1 ? std::sqrt(3.0 * double(p.shape[0]) / double(count)) : 0.1;
    const Values values = random_values(count, 50 + k, -bound, bound);
    std::copy(values.begin(), values.end(), model.weights.begin() + p.offset);
  }
  return model;
}

// The picture and around it, to the next multiples of 8, its reflection without the edge's repetition.
std::vector<float> padded(const std::vector<float>& picture, int64_t height, int64_t width) {
  const int64_t rows = (height + 7) / 8 * 8, columns = (width + 7) / 8 * 8;
  std::vector<float> out;
  for (int64_t y = 0; y < rows; y++)
    for (int64_t x = 0; x < columns; x++) {
      const int64_t row = y < height ? y : 2 * (height - 1) - y,
                    column = x < width ? x : 2 * (width - 1) - x;
      for (int64_t c = 0; c < 3; c++) out.push_back(picture[(row * width + column) * 3 + c]);
    }
  return out;
}

// Of height x width pixels those at the upper left of an area that is `columns` wide.
std::vector<float> cropped(const std::vector<float>& area, int64_t columns, int64_t height,
                           int64_t width) {
  std::vector<float> out;
  for (int64_t y = 0; y < height; y++)
    out.insert(out.end(), area.begin() + y * columns * 3, area.begin() + (y * columns + width) * 3);
  return out;
}

double largest(const std::vector<float>& values) {
  return largest_difference(values, std::vector<float>(values.size()));
}

// Sides that are no multiples of 8, several tiles, and a network that sees across their borders.
TEST(Restorer, TilesOfAnySizeGiveWhatOnePieceGives) {
  for (const NetworkConfig& config :
       {NetworkConfig{.kind = NetworkKind::conv, .size = 32, .latent = 128},
        NetworkConfig{.size = 32, .width = 4, .blocks = 1, .global = false}})
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{61, 1309}, {1309, 61}}) {
      SCOPED_TRACE(std::string(name_of(config.kind)) + (height < width ? ", wide" : ", tall"));
      const int64_t rows = height + 3, columns = width + 3;  // multiples of 8
      const std::vector<float> picture = picture_of(height, width);
      const Model model = full_sized(config);
      Restorer restorer = model.restorer();
      const std::vector<float> tiled = restorer.restore({picture.data(), height, width});
      const std::vector<float> whole =
          cropped(in_one_piece(model, padded(picture, height, width), rows, columns, {}), columns,
                  height, width);
      const double scale = largest(whole);
      // Not the same bits: the library may order its sums by the tensor's size.
      EXPECT_LT(largest_difference(tiled, whole), 2e-5 * scale);
      if (height > width) continue;
      // As far as a pixel is seen, it is seen clearly.
      constexpr int64_t kFar = 8;
      std::vector<float> changed = picture;
      for (int64_t y = 0; y < height; y++) changed[(y * width + 600) * 3] += 1;
      const std::vector<float> other = restorer.restore({changed.data(), height, width});
      double seen = 0;
      for (int64_t y = 0; y < height; y++)
        for (int64_t i = (y * width + 600 + kFar) * 3; i < (y * width + 601 + kFar) * 3; i++)
          seen = std::max(seen, std::abs(double{other[i]} - tiled[i]));
      EXPECT_GT(seen, 1e-3 * scale);
    }
}

// size x size pixels of a picture that is `width` wide.
std::vector<float> crop_of(const std::vector<float>& picture, int64_t width, int64_t top,
                           int64_t left, int64_t size) {
  std::vector<float> crop;
  for (int64_t row = top; row < top + size; row++)
    crop.insert(crop.end(), picture.begin() + (row * width + left) * 3,
                picture.begin() + (row * width + left + size) * 3);
  return crop;
}

// The geometric mean over crops of the training size, which cover the picture evenly: over a few,
// and over more than one batch holds.
TEST(Restorer, TheGainIsTheMeanOfItsCrops) {
  constexpr int64_t kSize = 32;
  const Model model = full_sized({.size = kSize, .width = 4, .blocks = 1});
  Restorer restorer = model.restorer();
  Plan plan;
  ParameterSet parameters = model.parameters;
  Builder builder(Device::cpu, plan, parameters, false);
  const TensorId x = plan.external("x", {1, kSize, kSize, 3}), y = build_gain(builder, x);
  plan.keep(y);
  Program program(Device::cpu, std::move(plan));
  program.allocate();
  program.write(builder.weights(), model.weights.data());
  struct Case {
    int64_t height, width;
    std::vector<int64_t> tops, lefts;
  };
  for (const Case& c : {Case{40, 70, {0, 8}, {0, 19, 38}},
                        Case{160, 160, {0, 32, 64, 96, 128}, {0, 32, 64, 96, 128}}}) {
    const std::vector<float> picture = picture_of(c.height, c.width);
    const double crops = static_cast<double>(c.tops.size() * c.lefts.size());
    double logarithms[3] = {0, 0, 0};
    for (const int64_t top : c.tops)
      for (const int64_t left : c.lefts) {
        program.write(x, crop_of(picture, c.width, top, left, kSize).data());
        program.run();
        const std::vector<float> gain = program.floats(y);
        for (size_t i = 0; i < 3; i++) logarithms[i] += std::log(double{gain[i]}) / crops;
      }
    std::vector<float> gain;
    for (const double logarithm : logarithms)
      gain.push_back(static_cast<float>(std::exp(logarithm)));
    const int64_t rows = (c.height + 7) / 8 * 8, columns = (c.width + 7) / 8 * 8;
    const std::vector<float> want =
        cropped(in_one_piece(model, padded(picture, c.height, c.width), rows, columns, gain),
                columns, c.height, c.width);
    EXPECT_LT(largest_difference(restorer.restore({picture.data(), c.height, c.width}), want),
              2e-5 * largest(want))
        << crops << " crops";
    EXPECT_GT(std::abs(gain[0] - gain[1]), 1e-3) << "gains that are all alike say nothing";
  }
}

constexpr NetworkConfig kTold = {.size = 32,
                                 .width = 4,
                                 .blocks = 1,
                                 .levels = 2,
                                 .stem = 2,
                                 .global = false,
                                 .noise_input = true};

// Every tile of it hears what is said, and what is found where nothing is.
TEST(Restorer, ANoiseInputIsToldWhatTheOptionsSay) {
  const int64_t height = 64, width = 1304;
  const std::vector<float> picture = picture_of(height, width);
  const Model model(kTold);
  Restorer restorer = model.restorer();
  const double found = restorer.noise_of({picture.data(), SampleType::f32, 3, height, width});
  EXPECT_GT(found, 0);
  for (const std::optional<double> noise : {std::optional<double>(), {1.0}, {25.0}}) {
    const std::vector<float> tiled =
        restorer.restore({picture.data(), height, width}, {.noise = noise});
    const std::vector<float> whole = in_one_piece(model, picture, height, width, {},
                                                  static_cast<float>(noise.value_or(found) / 255));
    EXPECT_LT(largest_difference(tiled, whole), 1e-5) << noise.value_or(-1);
  }
  const std::vector<float> quiet = restorer.restore({picture.data(), 64, 64}, {.noise = 0}),
                           noisy = restorer.restore({picture.data(), 64, 64}, {.noise = 25});
  EXPECT_GT(largest_difference(quiet, noisy), 1e-3);
  EXPECT_TRUE(std::equal(quiet.begin(), quiet.end(), picture.begin())) << "there is nothing to do";
  EXPECT_GT(largest_difference(quiet, restorer.restore({picture.data(), 64, 64}, {.noise = 0.3})),
            1e-3);
}

// Two windows, looked at four times.
TEST(Restorer, NoiseIsWhatTheNetworkTakesAwayWhenToldOfIt) {
  const int64_t side = 128;
  const std::vector<float> picture = picture_of(side, 2 * side);
  const Model model(kTold);
  std::vector<std::vector<float>> windows(2);
  std::vector<float> given;
  for (int64_t i = 0; i < 2; i++) {
    auto& window = windows[static_cast<size_t>(i)];
    window.resize(side * side * 3);
    read_window({picture.data(), SampleType::f32, 3, side, 2 * side}, 0, i * side, side, side,
                window.data());
    given.insert(given.end(), window.begin(), window.end());
  }
  double noise = noise_by_planes(given, side);
  for (int pass = 0; pass < 4; pass++) {
    std::vector<float> found;
    for (const auto& window : windows) {
      const std::vector<float> restored =
          in_one_piece(model, window, side, side, {}, static_cast<float>(noise));
      found.insert(found.end(), restored.begin(), restored.end());
    }
    noise = noise_by_restoration(given, found, side);
  }
  Restorer restorer = model.restorer();
  EXPECT_NEAR(restorer.noise_of({picture.data(), SampleType::f32, 3, side, 2 * side}), 255 * noise,
              1e-3);
}

TEST(Restorer, RefusesNoiseThatCannotBeTold) {
  const std::vector<float> picture = picture_of(8, 8);
  Restorer told = Model(kTold).restorer(), plain = Model({.size = 16, .width = 4}).restorer();
  EXPECT_THROW(plain.restore({picture.data(), 8, 8}, {.noise = 10}), FieldError);
  for (const double bad : {-1.0, 256.0, std::nan("")})
    EXPECT_THROW(told.restore({picture.data(), 8, 8}, {.noise = bad}), FieldError) << bad;
  EXPECT_THROW(plain.noise_of({picture.data(), SampleType::f32, 3, 8, 8}), FieldError);
}

TEST(Restorer, OneGainForTheWholePicture) {
  const int64_t height = 64, width = 1304;
  const std::vector<float> picture = picture_of(height, width);
  const Model with({.size = 32, .width = 4, .blocks = 1});
  Model without = with;
  without.config.global = false;
  Restorer a = with.restorer(), b = without.restorer();
  const std::vector<float> scaled = a.restore({picture.data(), height, width}),
                           plain = b.restore({picture.data(), height, width});
  double ratio[3];
  for (int c = 0; c < 3; c++) {
    ratio[c] = scaled[c] / double{plain[c]};
    EXPECT_GT(std::abs(ratio[c] - 1), 1e-4) << "the gain does nothing here";
  }
  for (size_t i = 0; i < plain.size(); i++)
    ASSERT_NEAR(scaled[i], ratio[i % 3] * plain[i], 1e-4) << i;
}

TEST(Restorer, AnySizeAndEveryNetwork) {
  for (const NetworkConfig& config :
       {NetworkConfig{.kind = NetworkKind::fc, .size = 16, .latent = 8},
        NetworkConfig{.kind = NetworkKind::conv, .size = 16, .latent = 64},
        NetworkConfig{.size = 16, .width = 4, .blocks = 1}}) {
    const Model model(config);
    Restorer restorer = model.restorer();
    for (const auto& [height, width] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 50}, {37, 2}, {16, 16}, {45, 23}}) {
      const std::vector<float> picture = picture_of(height, width);
      const std::vector<float> out = restorer.restore({picture.data(), height, width});
      ASSERT_EQ(out.size(), static_cast<size_t>(3 * height * width));
      for (const float value : out) ASSERT_TRUE(std::isfinite(value));
    }
  }
}

TEST(Restorer, KeepColourBringsBackTheInputsExposure) {
  const Model model({.size = 16, .width = 4, .blocks = 1});
  Restorer restorer = model.restorer();
  const std::vector<float> picture = picture_of(40, 40);
  const std::vector<float> out = restorer.restore({picture.data(), 40, 40}, {.keep_colour = true});
  for (size_t c = 0; c < 3; c++) {
    double given = 0, found = 0;
    for (size_t i = c; i < out.size(); i += 3) {
      given += picture[i];
      found += out[i];
    }
    EXPECT_NEAR(found / given, 1, 1e-5);
  }
}

// Red without light has no strength that could be kept: it stays what the network makes of it.
TEST(Restorer, KeepColourLeavesAChannelWithoutLightAsItIs) {
  const Model model({.size = 16, .width = 4, .blocks = 1, .global = false});
  Restorer restorer = model.restorer();
  std::vector<float> picture = picture_of(16, 16);
  for (size_t i = 0; i < picture.size(); i += 3) picture[i] = -1;
  const std::vector<float> plain = restorer.restore({picture.data(), 16, 16}),
                           kept = restorer.restore({picture.data(), 16, 16}, {.keep_colour = true});
  for (size_t i = 0; i < picture.size(); i += 3) ASSERT_EQ(kept[i], plain[i]) << i;
}

// Noise does not pass for light: least squares from input to output would brighten the dark and noisy.
TEST(Restorer, KeepColourDoesNotBrightenNoise) {
  const Model model({.size = 16, .width = 4, .blocks = 1, .global = false});
  Restorer restorer = model.restorer();
  const Values noise = random_values(48 * 48 * 3, 5, -0.3, 0.3);
  std::vector<float> picture(noise.begin(), noise.end());
  for (float& value : picture) value += 0.1f;
  const std::vector<float> plain = restorer.restore({picture.data(), 48, 48}),
                           kept = restorer.restore({picture.data(), 48, 48}, {.keep_colour = true});
  double given = 0, found = 0;
  for (size_t i = 0; i < picture.size(); i++) {
    given += picture[i];
    found += kept[i];
  }
  EXPECT_NEAR(found / given, 1, 1e-5);
  EXPECT_NE(plain, kept);
}

// `best` against the eight symmetries taken by hand, each restored as a picture of its own.
TEST(Restorer, BestIsTheMeanOverTheSymmetries) {
  const Model model({.size = 16, .width = 4, .blocks = 1, .global = false});
  Restorer restorer = model.restorer();
  constexpr int64_t kSide = 40;  // a tile of its own, for which no padding depends on the symmetry
  const std::vector<float> picture = picture_of(kSide, kSide);
  std::vector<double> mean(picture.size());
  for (int symmetry = 0; symmetry < 8; symmetry++) {
    // Where pixel (y, x) of the turned picture comes from.
    const auto from = [&](int64_t y, int64_t x) {
      if (symmetry & 1) y = kSide - 1 - y;
      if (symmetry & 2) x = kSide - 1 - x;
      if (symmetry & 4) std::swap(y, x);
      return static_cast<size_t>((y * kSide + x) * 3);
    };
    std::vector<float> turned(picture.size());
    const auto each = [&](const auto& act) {
      for (int64_t y = 0; y < kSide; y++)
        for (int64_t x = 0; x < kSide; x++)
          for (size_t c = 0; c < 3; c++)
            act(static_cast<size_t>((y * kSide + x) * 3) + c, from(y, x) + c);
    };
    each([&](size_t to, size_t at) { turned[to] = picture[at]; });
    const std::vector<float> restored = restorer.restore({turned.data(), kSide, kSide});
    each([&](size_t to, size_t at) { mean[at] += restored[to] / 8.0; });
  }
  const std::vector<float> best = restorer.restore({picture.data(), kSide, kSide}, {.best = true});
  for (size_t i = 0; i < best.size(); i++) ASSERT_NEAR(best[i], mean[i], 1e-5) << i;
  // A picture that is no square, and fc.
  EXPECT_EQ(restorer.restore({picture.data(), 10, 160}, {.best = true}).size(), picture.size());
  const Model fc({.kind = NetworkKind::fc, .size = 16, .latent = 8});
  Restorer crops = fc.restorer();
  EXPECT_EQ(crops.restore({picture.data(), kSide, kSide}, {.best = true}).size(), picture.size());
}

// fc has no global path: crops whose brightness disagrees must still meet without steps.
TEST(Restorer, CropsOfFcAreBlendedToOneExposure) {
  const Model model({.kind = NetworkKind::fc, .size = 16, .latent = 8});
  Restorer restorer = model.restorer();
  std::vector<float> picture(3 * 16 * 64, 0.5f);
  const std::vector<float> out = restorer.restore({picture.data(), 16, 64});
  // A constant picture gives every crop the same answer, so the result repeats every half crop,
  // away from the ends.
  for (int64_t y = 0; y < 16; y++)
    for (int64_t x = 16; x < 40; x++)
      for (int64_t c = 0; c < 3; c++)
        ASSERT_NEAR(out[(y * 64 + x) * 3 + c], out[(y * 64 + x + 8) * 3 + c], 1e-5);
}

// Crops of a picture that grows lighter come out with gains of their own. Each is given the
// geometric mean of all in place of it, and where they overlap each weighs by a raised cosine.
TEST(Restorer, CropsOfFcTakeTheMeanOfTheirGainsUnderARaisedCosine) {
  constexpr int64_t kSize = 16, kWidth = 32;
  const Model model = full_sized({.kind = NetworkKind::fc, .size = kSize, .latent = 8});
  std::vector<float> picture = picture_of(kSize, kWidth);
  for (size_t i = 0; i < picture.size(); i++)
    picture[i] *= 0.2f + static_cast<float>(i / 3 % kWidth) / 40;
  std::vector<std::vector<float>> restored;
  std::vector<std::array<double, 3>> gains;
  for (const int64_t left : {0, 8, 16}) {
    const std::vector<float> crop = crop_of(picture, kWidth, 0, left, kSize);
    restored.push_back(in_one_piece(model, crop, kSize, kSize, {}));
    double given[3] = {}, found[3] = {};
    for (size_t i = 0; i < crop.size(); i++) {
      given[i % 3] += crop[i];
      found[i % 3] += restored.back()[i];
    }
    gains.push_back({found[0] / given[0], found[1] / given[1], found[2] / given[2]});
  }
  Restorer restorer = model.restorer();
  const std::vector<float> got = restorer.restore({picture.data(), kSize, kWidth});
  for (size_t c = 0; c < 3; c++) {
    const double mean = std::cbrt(gains[0][c] * gains[1][c] * gains[2][c]);
    EXPECT_GT(gains[0][c], 1.1 * mean) << "gains that are all alike say nothing";
    for (int64_t y = 0; y < kSize; y++)
      for (int64_t x = 0; x < kWidth; x++) {
        double sum = 0, weight = 0;
        for (size_t crop = 0; crop < 3; crop++) {
          const int64_t column = x - 8 * static_cast<int64_t>(crop);
          if (column < 0 || column >= kSize) continue;
          const double turn = 2 * std::numbers::pi * (double(column) + 0.5) / kSize,
                       share = 0.501 - 0.5 * std::cos(turn);
          sum += share * restored[crop][(y * kSize + column) * 3 + c] * mean / gains[crop][c];
          weight += share;
        }
        const double want = sum / weight;
        ASSERT_NEAR(got[(y * kWidth + x) * 3 + c], want, 1e-4 * want) << y << " " << x;
      }
  }
}

}  // namespace
}  // namespace dae::test
