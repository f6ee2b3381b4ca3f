// A run measured as other programs do it (dae/evaluation.h), against plain arithmetic.
// One process: its tests measure one run, which is trained once.
#include <dae/denoiser.h>
#include <dae/error.h>
#include <dae/evaluation.h>
#include <dae/training.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <stdexcept>

#include "corrupt/corrupted_view.h"
#include "corrupt/spec.h"
#include "data/image.h"
#include "data/synthetic.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

double psnr(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++)
    sum += std::pow(double{a[i]} - std::clamp(double{b[i]}, 0.0, 1.0), 2);
  return -10 * std::log10(sum / double(a.size()));
}

class EvaluationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    setenv("XDG_CACHE_HOME", folder_->file("cache").c_str(), 1);
    fs::create_directory(folder_->file("photos"));
    for (uint64_t i = 0; i < 6; i++)
      save_png(folder_->file("photos/leaf" + std::to_string(i) + ".png"),
               draw_dead_leaves(3, i, 40, 48));
    TrainingOptions training;
    training.dataset = folder_->file("photos");
    training.out = folder_->file("run");
    training.size = 16;
    training.batch = 2;
    training.width = 4;
    training.blocks = 1;
    training.device = Device::cpu;
    training.budget = {.steps = 4};
    const TrainingOutcome outcome = train(training);
    held_out_ = outcome.held_out_pictures;
    said_by_the_run_ = outcome.evaluation;
  }
  static void TearDownTestSuite() { delete folder_; }
  static EvaluationOptions on_cpu() {
    EvaluationOptions options;
    options.device = Device::cpu;
    return options;
  }
  static fs::path run() { return folder_->file("run"); }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline int64_t held_out_ = 0;
  static inline Evaluation said_by_the_run_;
};

TEST_F(EvaluationTest, OfWholePicturesIsWhatTheDenoiserGives) {
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("photos");
  options.whole_pictures = true;
  const Evaluation evaluation = evaluate(run(), options);
  EXPECT_EQ(evaluation.dataset, options.dataset);
  EXPECT_EQ(evaluation.pictures, 6);
  EXPECT_EQ(evaluation.views, 6);
  EXPECT_EQ(evaluation.trained_on, 6 - held_out_);
  const EvaluationRow& clean = evaluation.rows.back();
  ASSERT_EQ(clean.name, "clean");
  EXPECT_TRUE(std::isinf(clean.corrupted.mean.psnr)) << "doing nothing to a clean picture";
  Denoiser denoiser(run(), {.device = Device::cpu});
  double sum = 0;
  for (int i = 0; i < 6; i++) {
    const Image image = load_image(folder_->file("photos/leaf" + std::to_string(i) + ".png"));
    const std::vector<float> given = to_floats(image.view());
    std::vector<float> restored(given.size());
    denoiser.restore(given.data(), image.height, image.width, restored.data());
    sum += psnr(given, restored);
  }
  EXPECT_NEAR(clean.restored.mean.psnr, sum / 6, 1e-4);
}

// Without clipping, noise of 25/255 leaves 20 log10(255 / 25) dB, within its own scatter: 4
// pictures of 5760 values, whose mean square has a relative deviation of sqrt(2 / 23040). Views are
// clamped.
TEST_F(EvaluationTest, OfPlainNoiseIsWhatNoiseIs) {
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("photos");
  options.sigma = 5;
  options.corruption = CorruptSpec{.clip = false, .quantize = false};
  const Evaluation evaluation = evaluate(run(), options);
  ASSERT_EQ(evaluation.rows.size(), 1u);
  EXPECT_EQ(evaluation.rows[0].name, "sigma");
  EXPECT_EQ(evaluation.views, 24);
  EXPECT_NEAR(evaluation.rows[0].corrupted.pooled_psnr, 20 * std::log10(255 / 5.0), 0.4);
}

// Noise that is told: by the network that ships, which hears it.
TEST_F(EvaluationTest, OfWholePicturesTellsTheNetworkOfTheirNoise) {
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("photos");
  options.whole_pictures = true;
  options.sigma = 25;
  options.corruption = CorruptSpec{.clip = false, .quantize = false};
  const Evaluation evaluation = evaluate(shipped_network(), options);
  CorruptSpec spec = no_corruption(*options.corruption);
  spec.noise = {25, 25};
  Denoiser denoiser(shipped_network(), {.device = Device::cpu});
  double told = 0;
  for (int64_t i = 0; i < 6; i++) {
    const Image image = load_image(folder_->file("photos/leaf" + std::to_string(i) + ".png"));
    const CorruptedPicture picture = corrupt_picture(
        source_of(image.view()), draw_evaluation(spec, options.seed, i, {}), flags_of(spec));
    std::vector<float> restored(picture.corrupted_pixels.size());
    denoiser.restore(picture.corrupted_pixels.data(), image.height, image.width, restored.data(),
                     {.noise = 25});
    told += psnr(to_floats(image.view()), restored) / 6;
  }
  const EvaluationRow& row = evaluation.rows.at(0);
  EXPECT_NEAR(row.restored.mean.psnr, told, 1e-3);
  EXPECT_GT(told, row.corrupted.mean.psnr + 1) << "pictures that are handed back say nothing";
}

// Light's share of it, too, whose deviation at this grey is 40 / 255 times the root of 128 / 255:
// within its own scatter, of 5760 values.
TEST_F(EvaluationTest, TheRowOfNoiseHasThatOfLight) {
  fs::create_directory(folder_->file("grey"));
  save_png(folder_->file("grey/grey.png"), {40, 48, std::vector<uint8_t>(40 * 48 * 3, 128)});
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("grey");
  options.whole_pictures = true;
  options.corruption = no_corruption({.order = Order::camera, .clip = false, .quantize = false});
  options.corruption->shot = {40, 40};
  const Evaluation evaluation = evaluate(run(), options);
  ASSERT_EQ(evaluation.rows.size(), 3u) << "all, noise and clean";
  EXPECT_EQ(evaluation.rows[1].name, "noise");
  EXPECT_NEAR(evaluation.rows[1].corrupted.mean.psnr,
              -10 * std::log10(std::pow(40 / 255.0, 2) * 128 / 255), 0.4);
}

// Of one colour each, so that every crop has it, and corrections of them are arithmetic.
struct Flat {
  int64_t height, width;
  std::array<uint8_t, 3> colour;

  double mean() const { return (colour[0] + colour[1] + colour[2]) / (3 * 255.0); }
};
constexpr Flat kFlats[] = {
    {40, 48, {200, 90, 60}}, {24, 20, {40, 100, 120}}, {10, 12, {90, 30, 160}}};

const EvaluationRow& row_of(const Evaluation& evaluation, const std::string& name) {
  for (const EvaluationRow& row : evaluation.rows)
    if (row.name == name) return row;
  throw std::runtime_error("no row is called " + name);
}

// What a grey world leaves of clean pictures that have so much weight in its grey.
double grey_world_psnr(const std::vector<double>& weights) {
  double grey = 0, weight = 0, sum = 0;
  for (size_t i = 0; i < weights.size(); i++) {
    grey += weights[i] * kFlats[i].mean();
    weight += weights[i];
  }
  grey /= weight;
  for (const Flat& flat : kFlats) {
    double square = 0;
    for (const uint8_t value : flat.colour) square += std::pow(grey - value / 255.0, 2) / 3;
    sum += -10 * std::log10(square);
  }
  return sum / double(std::size(kFlats));
}

TEST_F(EvaluationTest, CorrectionsAreThoseOfTheGainsAndOfGrey) {
  fs::create_directory(folder_->file("flat"));
  for (size_t i = 0; i < std::size(kFlats); i++) {
    const Flat& flat = kFlats[i];
    Image image{flat.height, flat.width, {}};
    for (int64_t p = 0; p < flat.height * flat.width; p++)
      image.pixels.insert(image.pixels.end(), flat.colour.begin(), flat.colour.end());
    save_png(folder_->file("flat/flat" + std::to_string(i) + ".png"), image);
  }
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("flat");
  options.corruption = CorruptSpec{.blur = {.present = false},
                                   .brightness = {0.5f, 0.8f},
                                   .channel = {0.5f, 0.9f},
                                   .clip = false,
                                   .quantize = false};
  for (const bool whole : {false, true}) {
    SCOPED_TRACE(whole ? "whole pictures" : "crops");
    options.whole_pictures = whole;
    const Evaluation made = evaluate(run(), options);
    EXPECT_EQ(made.view_size, whole ? "whole pictures" : "16x16 crops");
    for (const char* name : {"brightness", "channel"}) {
      EXPECT_LT(row_of(made, name).corrupted.mean.psnr, 30) << name;
      const Summary& exact = row_of(made, name).true_gain;  // what remains is a float's rounding
      EXPECT_TRUE(exact.mean.psnr > 100) << name << ": " << exact.mean.psnr;
    }
    const EvaluationRow& noise = row_of(made, "noise");  // has gains of one
    EXPECT_NEAR(noise.true_gain.mean.psnr, noise.corrupted.mean.psnr, 1e-6);
    // A crop that is larger than its picture repeats it, which weighs no more for that.
    const std::vector<double> weights =
        whole ? std::vector<double>{40 * 48, 24 * 20, 10 * 12} : std::vector<double>{256, 256, 120};
    EXPECT_NEAR(row_of(made, "clean").grey_world.mean.psnr, grey_world_psnr(weights), 1e-4);
  }
}

TEST_F(EvaluationTest, SaysOfWhatItIs) {
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("photos");
  options.sigma = 5;
  options.max_side = 24;
  options.views_per_image = 1;
  for (const bool clip : {false, true}) {
    options.corruption = CorruptSpec{.clip = clip};
    const Evaluation made = evaluate(run(), options);
    EXPECT_EQ(made.noise_clip, clip ? "on" : "off");
    EXPECT_EQ(made.max_side, 24);
    EXPECT_EQ(made.views, 6);
    EXPECT_EQ(made.note, "");
  }
  options.most_views = 4;
  options.max_side.reset();
  const Evaluation few = evaluate(run(), options);
  EXPECT_EQ(few.views, 4);
  EXPECT_EQ(few.max_side, TrainingOptions{}.max_side) << "the run's, where none is given";
}

TEST_F(EvaluationTest, TakesWhatTheRunHeldOutUnlessItIsTold) {
  const Evaluation own = evaluate(run(), on_cpu());
  EXPECT_EQ(own.pictures, held_out_);
  EXPECT_EQ(own.trained_on, 0);
  EXPECT_EQ(own.rows.size(), 6u);
  EXPECT_EQ(evaluate(run(), on_cpu()).rows[0].restored.mean.psnr, own.rows[0].restored.mean.psnr);
  EvaluationOptions other = on_cpu();
  other.seed = 2;
  EXPECT_NE(evaluate(run(), other).rows[0].restored.mean.psnr, own.rows[0].restored.mean.psnr);
}

TEST_F(EvaluationTest, OfARunIsWhatItSaidAtItsEnd) {
  EvaluationOptions options = on_cpu();
  options.most_views = said_by_the_run_.views;
  options.views_per_image = said_by_the_run_.views / said_by_the_run_.pictures;
  const Evaluation again = evaluate(run(), options);
  EXPECT_EQ(again.views, said_by_the_run_.views);
  EXPECT_EQ(again.pictures, said_by_the_run_.pictures);
  ASSERT_EQ(again.rows.size(), said_by_the_run_.rows.size());
  for (size_t i = 0; i < again.rows.size(); i++) {
    const EvaluationRow &now = again.rows[i], &then = said_by_the_run_.rows[i];
    EXPECT_EQ(now.name, then.name);
    EXPECT_EQ(now.corrupted.mean.psnr, then.corrupted.mean.psnr) << then.name;
    EXPECT_EQ(now.restored.mean.psnr, then.restored.mean.psnr) << then.name;
  }
}

TEST_F(EvaluationTest, SaysThatNothingHeldOutIsLeft) {
  const fs::path photos = folder_->file("photos"), aside = folder_->file("aside");
  fs::rename(photos, aside);
  fs::create_directory(photos);
  save_png((photos / "another.png").string(), draw_dead_leaves(3, 9, 40, 48));
  EXPECT_EQ(
      said([] { evaluate(run(), on_cpu()); }),
      photos.string() + ": none of the pictures the run held out are left; name another dataset");
  fs::remove_all(photos);
  fs::rename(aside, photos);
}

TEST_F(EvaluationTest, NamesWhatItLeavesOutAndCanBeCancelled) {
  fs::create_directory(folder_->file("mixed"));
  save_png(folder_->file("mixed/sound.png"), draw_dead_leaves(3, 9, 40, 48));
  std::ofstream(folder_->file("mixed/broken.png")) << "no picture";
  EvaluationOptions options = on_cpu();
  options.dataset = folder_->file("mixed");
  std::vector<std::string> told;
  options.progress = [&](const std::string& what, size_t, size_t) {
    if (told.empty() || told.back() != what) told.push_back(what);
    return true;
  };
  const Evaluation evaluation = evaluate(run(), options);
  ASSERT_EQ(evaluation.left_out.size(), 1u);
  EXPECT_NE(evaluation.left_out[0].find("broken.png"), std::string::npos);
  EXPECT_EQ(told, (std::vector<std::string>{"reading " + options.dataset, "all", "noise", "blur",
                                            "brightness", "channel", "clean"}));
  options.progress = [](const std::string& what, size_t, size_t) { return what != "blur"; };
  EXPECT_THROW(evaluate(run(), options), Cancelled);
}

TEST_F(EvaluationTest, NamesTheFieldThatMakesNoSense) {
  const auto field_of = [](const EvaluationOptions& options) -> std::string {
    try {
      evaluate(run(), options);
      return "none";
    } catch (const FieldError& error) {
      return error.field();
    }
  };
  EvaluationOptions options = on_cpu();
  options.views_per_image = 0;
  EXPECT_EQ(field_of(options), "views_per_image");
  options = on_cpu();
  options.most_views = -1;
  EXPECT_EQ(field_of(options), "most_views");
  options = on_cpu();
  options.sigma = -1;
  EXPECT_EQ(field_of(options), "sigma");
  options.sigma = std::nan("");
  EXPECT_EQ(field_of(options), "sigma");
  options = on_cpu();
  options.max_side = -1;
  EXPECT_EQ(field_of(options), "max_side");
  options = on_cpu();
  options.corruption = CorruptSpec{.noise = {2, 1}};
  EXPECT_EQ(field_of(options), "noise");
  EXPECT_THROW(evaluate(folder_->file("nowhere"), on_cpu()), Error);
}

// Numbers are looked at before the run is.
TEST_F(EvaluationTest, NumbersHaveLimits) {
  struct Limits {
    const char* field;
    std::function<void(EvaluationOptions&, int64_t)> set;
    int64_t low, high;
  };
  const Limits all[] = {
      {"views_per_image", [](auto& o, int64_t v) { o.views_per_image = v; }, 1, 1000},
      {"most_views", [](auto& o, int64_t v) { o.most_views = v; }, 1, 1000000},
      {"sigma", [](auto& o, int64_t v) { o.sigma = double(v); }, 0, 255},
      {"max_side", [](auto& o, int64_t v) { o.max_side = v; }, 0, 65536}};
  for (const Limits& limits : all) {
    const auto said_of = [&](int64_t value) {
      EvaluationOptions options = on_cpu();
      limits.set(options, value);
      return said([&] { evaluate(folder_->file("nowhere"), options); });
    };
    for (const int64_t beyond : {limits.low - 1, limits.high + 1})
      EXPECT_EQ(said_of(beyond),
                fmt::format("{} {}: give {} to {}", limits.field, beyond, limits.low, limits.high));
    for (const int64_t within : {limits.low, limits.high})
      EXPECT_NE(said_of(within).find("nowhere"), std::string::npos) << limits.field << within;
  }
}

}  // namespace
}  // namespace dae::test
