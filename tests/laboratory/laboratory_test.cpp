// The blur laboratory with runs of a few steps: what it trains, what it takes up again, and that
// its figures are those of the runs.
#include "laboratory/laboratory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/dataset.h"
#include "data/synthetic.h"
#include "laboratory/lab_page.h"
#include "laboratory/lab_table.h"
#include "record/run_config.h"
#include "record/run_folder.h"
#include "tests/support/html_tags.h"
#include "tests/support/laboratories.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

// Changes are over the first seed, which alone all runs have; of two changes together it is told
// what they cost beyond what each costs alone.
void expect_ladder(Laboratory& lab, const LabPage& page) {
  const nlohmann::json& figures = page.figures.at("question 3");
  const auto psnr = [&](const char* run) { return lab.measures(run, 1, {})[Measure::psnr].value; };
  const nlohmann::json& together = figures.at("interaction, psnr");
  EXPECT_EQ(together.at("count"), 1);
  EXPECT_NEAR(
      together.at("mean").get<double>(),
      (psnr(lab::kBottleneck) - psnr(lab::kNoSkips)) - (psnr(lab::kNotResidual) - psnr(lab::kUnet)),
      1e-9);
  const std::pair<const char*, const char*> rungs[] = {
      {lab::kUnet4T, lab::kUnet},        {lab::kUnet, lab::kNoSkips},
      {lab::kNoSkips, lab::kBottleneck}, {lab::kBottleneck, lab::kDense},
      {lab::kUnet, lab::kNotResidual},   {lab::kNotResidual, lab::kBottleneck}};
  for (size_t i = 0; i < std::size(rungs); i++) {
    const auto& [from, to] = rungs[i];
    const nlohmann::json& rung =
        i < 4 ? figures.at("ladder").at(i) : figures.at("other order").at(i - 4);
    EXPECT_EQ(rung.at("from"), from);
    EXPECT_EQ(rung.at("to"), to);
    EXPECT_EQ(rung.at("psnr").at("mean"), psnr(to) - psnr(from)) << from << " to " << to;
    const std::string cells = fmt::format("<td>{}</td><td>{}</td><td>{:+.2f} undecided</td>", from,
                                          to, psnr(to) - psnr(from));
    EXPECT_NE(page.html.find(cells), std::string::npos) << cells;
  }
}

// The kind that is named is the one of which its own specialist passes on the least.
void expect_worst_kind(Laboratory& lab, const LabPage& page) {
  const struct {
    const char* kind;
    CorruptSpec corruption;
    const char* specialist;
  } all[] = {{"noise 10/255", noise_of(10), lab::kNoiseAlone},
             {"noise 25/255", noise_of(25), lab::kNoiseAlone},
             {"noise 50/255", noise_of(50), lab::kNoiseAlone},
             {"blur 0.5 pixels", blur_of(0.5f), lab::kBlurAlone},
             {"blur 1.0 pixels", blur_of(1), lab::kBlurAlone},
             {"blur 1.5 pixels", blur_of(1.5f), lab::kBlurAlone},
             {"brightness and colour", light_alone(), lab::kLightAlone}};
  const nlohmann::json& kinds = page.figures.at("question 5").at("kinds");
  ASSERT_EQ(kinds.size(), std::size(all));
  std::string worst;
  Interval least{.mean = 1e9};
  for (size_t i = 0; i < std::size(all); i++) {
    const double kept =
        lab.measures(all[i].specialist, 1, all[i].corruption)[Measure::transfer_high].value;
    EXPECT_EQ(kinds.at(i).at("kind"), all[i].kind);
    EXPECT_EQ(kinds.at(i).at("transfer_high").at("specialist").at("mean"), kept) << all[i].kind;
    constexpr Measure kFirst = Measure::aligned_psnr;
    const std::string cells =
        std::string("<tr><td>") + all[i].kind + "</td>" +
        html::cell(show(kFirst, lab.corrupted(all[i].corruption)[kFirst])) +
        html::cell(show(kFirst, lab.value(lab::kUnet, all[i].corruption, kFirst))) +
        html::cell(show(kFirst, lab.value(all[i].specialist, all[i].corruption, kFirst)));
    EXPECT_NE(page.html.find(cells), std::string::npos) << cells;
    if (kept < least.mean) worst = all[i].kind, least = mean_interval({&kept, 1});
  }
  const std::string answer =
      "The most is lost under " + worst +
      ": of the detail between 1/4 and 1/2 cycles/pixel even its specialist passes on only " +
      show(Measure::transfer_high, least) + ".";
  EXPECT_NE(page.html.find(answer), std::string::npos) << answer;
}

// The best of all that were trained for the whole corruption is named, with its error over seeds.
void expect_smallest_error(Laboratory& lab, const LabPage& page) {
  const std::string runs[] = {lab::kUnet,    lab::kUnet2T,      lab::kUnet4T,
                              lab::kNoSkips, lab::kNotResidual, lab::kBottleneck,
                              lab::kDense,   lab::kWide,        lab::loss_run("l1")};
  std::string best;
  Interval least{.mean = 1e9};
  for (const std::string& run : runs)
    if (const Interval mse = lab.value(run, {}, Measure::mse); mse.mean < least.mean)
      best = run, least = mse;
  const std::string bound = "The smallest MSE of all, in millionths " + show(Measure::mse, least) +
                            " by " + best + ", is the most that the MMSE can be.";
  EXPECT_NE(page.html.find(bound), std::string::npos) << bound;
}

// Rows have their own run's figures, and how far those are above what they are held against.
void expect_table(Laboratory& lab) {
  nlohmann::json figures;
  const std::string table =
      lab_table(lab, {},
                {.rows = {{"dense", lab::kDense}, {"no skips", lab::kNoSkips}},
                 .values = {Measure::psnr},
                 .against = lab::kDense,
                 .changes = {Measure::psnr}},
                figures);
  const double dense = lab.measures(lab::kDense, 1, {})[Measure::psnr].value,
               unet = lab.measures(lab::kNoSkips, 1, {})[Measure::psnr].value;
  EXPECT_GT(std::abs(unet - dense), 0.1) << "runs that are alike say nothing";
  EXPECT_EQ(table,
            fmt::format("<table><tr><th></th><th>PSNR, dB</th><th>&#916; PSNR, dB</th></tr>\n"
                        "<tr><td>dense</td><td>{:.2f}</td><td></td></tr>\n"
                        "<tr><td>no skips</td><td>{:.2f}</td><td>{:+.2f} undecided</td></tr>\n"
                        "</table>\n",
                        dense, unet, unet - dense));
}

// A curve is the mean over seeds; a run that was not trained has none.
void expect_mean_curve(Laboratory& lab) {
  const CorruptSpec classic;
  const std::vector<html::Curve> curves =
      lab_curves(lab, classic, {{"two", lab::kUnet}, {"none", "unet-ssim"}}, &RadialBand::transfer);
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_EQ(curves[0].name, "two");
  std::vector<double> frequencies, means;
  const std::vector<RadialBand>&first = lab.measures(lab::kUnet, 1, classic).bands,
        &second = lab.measures(lab::kUnet, 2, classic).bands;
  for (size_t ring = 1; ring < first.size(); ring++)
    if (first[ring].frequency <= 0.5) {
      frequencies.push_back(first[ring].frequency);
      means.push_back((first[ring].transfer + second[ring].transfer) / 2);
    }
  EXPECT_EQ(curves[0].x, frequencies);
  ASSERT_EQ(curves[0].y.size(), means.size());
  for (size_t i = 0; i < means.size(); i++) EXPECT_NEAR(curves[0].y[i], means[i], 1e-12) << i;
}

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
  expect_ladder(lab, page);
  expect_worst_kind(lab, page);
  expect_smallest_error(lab, page);
  expect_table(lab);
  expect_mean_curve(lab);
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
  options_.setting.size = 40;  // of 40x48 pixels
  EXPECT_NO_THROW(Laboratory(options_, open_dataset(options_.dataset)));
  options_.setting.size = 64;
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

// A run of equal time says by its budget alone how long it was to be.
TEST_F(LaboratoryTest, NamesAFolderThatHoldsARunOfAnotherTime) {
  options_.setting.seconds = 0.5;
  Laboratory lab(options_, open_dataset(options_.dataset));
  EXPECT_FALSE(lab.train_missing(nobody_, after(1)));
  const std::string timed = lab::loss_run("mse", true);
  const fs::path run = lab.path_of(timed, 1);
  fs::copy(lab.path_of(lab::kUnet, 1), run, fs::copy_options::recursive);  // configured alike
  const auto refusal = [&](const std::string& budget) {
    nlohmann::json config = read_run_json(run);
    config["budget"] = budget;
    write_run_json(run, config);
    return said<UsageError>([&] { lab.train_missing(nobody_, after(0)); });
  };
  EXPECT_EQ(refusal("--time 0.5, which was 2 steps here"), "accepted");
  EXPECT_EQ(lab.seeds(timed), std::vector{1});
  for (const char* const other : {"--time 5, which was 2 steps here", "--steps 2"})
    EXPECT_EQ(refusal(other),
              run.string() +
                  ": holds another run than this setting wants there, or other pictures were held "
                  "out; give another --runs");
}

}  // namespace
}  // namespace dae::test
