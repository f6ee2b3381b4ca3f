// The blur laboratory with runs of a few steps: what it trains, what it takes up again, and that
// its figures are those of the runs.
#include "laboratory/laboratory.h"

#include <gtest/gtest.h>

#include <set>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "laboratory/lab_page.h"
#include "laboratory/lab_table.h"
#include "record/run_folder.h"
#include "runtime/parallel.h"
#include "tests/support/html_tags.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TEST(LabSetting, HasEveryRunThatQuestionsAskFor) {
  for (const char* const name : {"small", "full", "large"}) {
    const LabSetting setting = find_setting(name);
    std::set<std::string> names;
    for (const LabRun& run : runs_of(setting)) {
      EXPECT_TRUE(names.insert(run.name).second) << run.name << " twice";
      EXPECT_NO_THROW(check(run.config.network)) << run.name;
      EXPECT_NO_THROW(check(run.config.loss, run.config.network.size)) << run.name;
      EXPECT_NE(run.steps > 0, run.seconds > 0) << run.name;
    }
    for (const char* const asked :
         {lab::kUnet, lab::kUnet2T, lab::kUnet4T, lab::kNoSkips, lab::kNotResidual,
          lab::kBottleneck, lab::kDense, lab::kWide, lab::kCleanSkips, lab::kNoiseAlone,
          lab::kBlurAlone, lab::kLightAlone, lab::kCamera})
      EXPECT_TRUE(names.contains(asked)) << asked;
    for (const char* const model : {"fc", "conv", "unet"})
      EXPECT_TRUE(names.contains(lab::clean_run(model, setting.latents.back()))) << model;
    for (const std::string& loss : setting.losses) {
      EXPECT_TRUE(names.contains(lab::loss_run(loss))) << loss;
      EXPECT_EQ(names.contains(lab::loss_run(loss, true)), setting.seconds > 0) << loss;
    }
  }
  EXPECT_THROW(find_setting("medium"), UsageError);
}

// Networks of one question differ in what the question is about alone.
TEST(LabSetting, ChangesOneThingAtATime) {
  std::map<std::string, RunConfig> configs;
  for (const LabRun& run : runs_of(find_setting("small"))) configs[run.name] = run.config;
  const RunConfig& base = configs[lab::kUnet];
  RunConfig no_skips = configs[lab::kNoSkips], l1 = configs[lab::loss_run("l1")];
  EXPECT_FALSE(no_skips.network.skips);
  EXPECT_EQ(to_string(l1.loss), "l1");
  no_skips.network.skips = true;
  l1.loss = base.loss;
  EXPECT_EQ(to_json(no_skips), to_json(base));
  EXPECT_EQ(to_json(l1), to_json(base));
  for (const char* const name : {"small", "full", "large"}) {
    const LabSetting setting = find_setting(name);
    for (const LabRun& run : runs_of(setting)) configs[run.name] = run.config;
    RunConfig skips = configs[lab::kCleanSkips];
    skips.network.skips = false;
    EXPECT_EQ(to_json(skips), to_json(configs[lab::clean_run("unet", setting.latents.back())]))
        << name;
    configs.clear();
  }
  for (const LabRun& run : runs_of(find_setting("small"))) configs[run.name] = run.config;
  // Equal latents: the lowest level of a unet without skips holds as many numbers.
  const NetworkConfig& unet = configs[lab::clean_run("unet", 2048)].network;
  EXPECT_EQ(8 * unet.width * (unet.size / 8) * (unet.size / 8), 2048);
  EXPECT_EQ(configs[lab::clean_run("fc", 2048)].network.latent, 2048);
}

class LaboratoryTest : public testing::Test {
 protected:
  void SetUp() override {
    // A few tiny steps, which two tests at once would spend on waiting for threads.
    set_threads(1);
    setenv("XDG_CACHE_HOME", temporary_.file("cache").c_str(), 1);
    fs::create_directory(temporary_.file("photos"));
    for (uint64_t i = 0; i < 12; i++)
      save_png(temporary_.file("photos/leaf" + std::to_string(i) + ".png"),
               draw_dead_leaves(3, i, 40, 48));
    options_.setting = {.name = "tiny",
                        .size = 16,
                        .width = 2,
                        .batch = 1,
                        .steps = 2,
                        .seeds = 2,
                        .views = 1,
                        .judge_steps = 20,
                        .pca_crops = 1000,
                        .latents = {32},
                        .losses = {"l1"}};
    options_.dataset = temporary_.file("photos");
    options_.folder = temporary_.file("runs");
  }
  // Ends the training after so many runs.
  static std::function<bool()> after(int runs) {
    return [runs, asked = 0]() mutable { return asked++ == runs; };
  }

  TemporaryFolder temporary_;
  LabOptions options_;
  LabObserver nobody_;
};

TEST_F(LaboratoryTest, TrainsWhatIsMissingAndMeasuresIt) {
  Laboratory first(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(first.train_missing(nobody_, after(3)));
  EXPECT_EQ(first.trained(), 3);
  EXPECT_EQ(first.seeds(lab::kUnet), std::vector{1});
  EXPECT_EQ(first.why_none(lab::kCamera), "not trained yet");
  EXPECT_EQ(first.why_none("unet-ssim"), "full setting only");
  const std::string early = render_lab_page(first, {}, {}).html;
  EXPECT_NE(early.find("not trained yet"), std::string::npos);

  const auto written = fs::last_write_time(first.path_of(lab::kUnet, 1) / "checkpoint.safetensors");
  Laboratory lab(options_, open_dataset(options_.dataset));
  // All runs of the first seed, and two of the second.
  const int64_t each = lab.wanted() / 2;
  EXPECT_FALSE(lab.train_missing(nobody_, after(static_cast<int>(each) + 2 - 3)));
  EXPECT_EQ(lab.trained(), each + 2);
  EXPECT_EQ(fs::last_write_time(lab.path_of(lab::kUnet, 1) / "checkpoint.safetensors"), written)
      << "trained again";

  // Figures are those of the runs, pair by pair.
  const CorruptSpec classic;
  std::vector<double> unet, l1;
  for (const int seed : {1, 2}) {
    unet.push_back(lab.measures(lab::kUnet, seed, classic)[Measure::psnr].value);
    l1.push_back(lab.measures(lab::loss_run("l1"), seed, classic)[Measure::psnr].value);
  }
  EXPECT_NE(unet[0], unet[1]) << "seeds differ";
  const Interval value = lab.value(lab::kUnet, classic, Measure::psnr);
  const Interval change = lab.difference(lab::loss_run("l1"), lab::kUnet, classic, Measure::psnr);
  EXPECT_EQ(value.mean, mean_interval(unet).mean);
  EXPECT_EQ(value.high, mean_interval(unet).high);
  EXPECT_EQ(change.mean, paired_interval(l1, unet).mean);
  EXPECT_EQ(change.low, paired_interval(l1, unet).low);

  // PCA of 32 of 768 numbers: a tenth of a picture's detail is more than nothing.
  const Interval pca = lab.value(lab::pca(32), no_corruption(), Measure::psnr);
  EXPECT_EQ(pca.count, 2);
  EXPECT_GT(pca.mean, 15);
  EXPECT_LT(pca.mean, 40);

  const LabPage page = render_lab_page(lab, {}, {});
  for (const char* const holds : {"1. Is it the loss?", "2. Is it the architecture?",
                                  "3. How much is whose?", "4. What helps, and what does it cost?",
                                  "5. Which corruption blurs most?", "full setting only", "<svg"})
    EXPECT_NE(page.html.find(holds), std::string::npos) << holds;
  for (const char* const not_there :
       {"Cannot be answered", "nan", "http://", "https://", "<script", "url("})
    EXPECT_EQ(page.html.find(not_there), std::string::npos) << not_there;
  EXPECT_EQ(wrong_tags(page.html), "");
  EXPECT_EQ(page.figures["question 3"]["runs"][0]["psnr"]["mean"],
            lab.value(lab::kUnet4T, classic, Measure::psnr).mean);
}

TEST_F(LaboratoryTest, GoesOnWithARunThatWasCutOff) {
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(1)));
  // As if it had ended before its first checkpoint.
  const fs::path run = lab.path_of(lab::kUnet, 1);
  for (const char* const name : {"checkpoint.safetensors", "checkpoint.previous.safetensors"})
    fs::remove(run / name);
  Laboratory again(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(again.train_missing(nobody_, after(1)));
  EXPECT_EQ(again.seeds(lab::kUnet), std::vector{1});
  EXPECT_TRUE(fs::exists(run / "checkpoint.safetensors"));
}

TEST_F(LaboratoryTest, ADamagedRunIsNamedAndTheRestAnswered) {
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(2)));
  const std::string l1 = lab::loss_run("l1");
  const fs::path damaged = lab.path_of(l1, 1) / "checkpoint.safetensors";
  fs::resize_file(damaged, 100);
  const CorruptSpec classic;
  // Found while measuring, and again by whoever asks next.
  for (int question = 0; question < 2; question++)
    EXPECT_THROW(lab.value(l1, classic, Measure::psnr), Error);
  EXPECT_EQ(lab.value(lab::kUnet, classic, Measure::psnr).count, 1);
  const std::string page = render_lab_page(lab, {}, {}).html;
  EXPECT_NE(page.find("Cannot be answered: " + damaged.string()), std::string::npos);
  EXPECT_NE(page.find("2. Is it the architecture?"), std::string::npos);

  // Found before training.
  Laboratory again(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(again.train_missing(nobody_, after(0)));
  ASSERT_EQ(again.failures().size(), 1u);
  EXPECT_EQ(again.failures()[0].find(damaged.string()), 0u) << again.failures()[0];
  const std::string without = render_lab_page(again, {}, {}).html;
  EXPECT_NE(without.find("Left out: " + damaged.string()), std::string::npos);
  EXPECT_EQ(without.find("Cannot be answered"), std::string::npos);
}

// A run whose step fails is no reason to train no other.
TEST_F(LaboratoryTest, ARunThatFailsIsNamedAndTheNextOneTrained) {
  options_.setting.losses = {"ssim"};  // crops of 8 pixels have no window
  options_.setting.size = 8;
  options_.setting.latents = {1};
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(3)));
  ASSERT_EQ(lab.failures().size(), 1u);
  EXPECT_EQ(lab.failures()[0].find(lab.path_of("unet-ssim", 1).string()), 0u) << lab.failures()[0];
  EXPECT_EQ(lab.trained(), 2);
}

TEST_F(LaboratoryTest, RefusesPicturesSmallerThanItsViews) {
  options_.setting.size = 64;  // of 40x48 pixels
  try {
    Laboratory lab(options_, open_dataset(options_.dataset));
    FAIL() << "measures what is not there";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("64x64"), std::string::npos) << error.what();
  }
}

// What is held out depends on the pictures there are: a run of fewer may have seen some of them.
TEST_F(LaboratoryTest, RefusesRunsThatHeldOutOtherPictures) {
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(1)));
  for (uint64_t i = 12; i < 40; i++)
    save_png(temporary_.file("photos/leaf" + std::to_string(i) + ".png"),
             draw_dead_leaves(3, i, 40, 48));
  Laboratory larger(options_, open_dataset(options_.dataset));
  EXPECT_THROW(larger.train_missing(nobody_, after(1)), UsageError);
}

TEST_F(LaboratoryTest, NamesAFolderThatHoldsAnotherRun) {
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(1)));
  options_.setting.batch = 2;
  Laboratory other(options_, open_dataset(options_.dataset));
  try {
    other.train_missing(nobody_, [] { return false; });
    FAIL() << "trained over another run";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(lab.path_of(lab::kUnet, 1).string()),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace dae::test
