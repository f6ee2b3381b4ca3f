// A run measured as other programs do it (dae/evaluation.h), against plain arithmetic.
// One process: its tests measure one run, which is trained once.
#include <dae/denoiser.h>
#include <dae/error.h>
#include <dae/evaluation.h>
#include <dae/training.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "data/image.h"
#include "data/synthetic.h"
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
    held_out_ = train(training).held_out_pictures;
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

}  // namespace
}  // namespace dae::test
