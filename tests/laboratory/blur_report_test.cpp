// blur_report's numbers against the measures called directly, its page and its refusals.
// One process: the tests of BlurMeasuresTest share their material.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "data/synthetic.h"
#include "laboratory/blur_measures.h"
#include "laboratory/comparison.h"
#include "laboratory/measures/sliced_wasserstein.h"
#include "quality/scores.h"
#include "record/run_folder.h"
#include "tests/support/html_tags.h"
#include "tests/support/json_file.h"
#include "tests/support/quality_pairs.h"
#include "tests/support/temporary_folder.h"
#include "train/feature_trainer.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSize = 32;

// Four pictures of dead leaves with two views each, under noise and blur.
class BlurMeasuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFolder temporary;
    for (uint64_t i = 0; i < 4; i++)
      save_png(temporary.file("leaf" + std::to_string(i) + ".png"), draw_dead_leaves(3, i, 48, 56));
    setenv("XDG_CACHE_HOME", temporary.file("cache").c_str(), 1);
    dataset_ = open_dataset(temporary.path());
    BlurMaterialOptions options{.size = kSize, .views_per_image = 2, .corruption = {}};
    options.corruption.noise = {10, 10};
    material_ = make_blur_material(dataset_, {0, 1, 2, 3}, options);
    measures_ = measure_blur(material_, material_.views.corrupted, material_.leaves.corrupted,
                             material_.edges.corrupted);
  }
  static void TearDownTestSuite() {
    dataset_ = {};
    material_ = {};
    measures_ = {};
  }
  static double value(Measure m) { return measures_[m].value; }

  static inline Dataset dataset_;
  static inline BlurMaterial material_;
  static inline BlurMeasures measures_;
};

TEST_F(BlurMeasuresTest, AreThoseOfQuality) {
  const PictureSet& views = material_.views;
  ASSERT_EQ(views.clean.size(), 8u);
  std::vector<double> psnr(4), aligned(4);  // of pictures
  double squares = 0;
  RingSpectra spectra;
  std::vector<FloatView> clean, answers;
  std::vector<std::vector<float>> kept;
  for (size_t i = 0; i < 8; i++) {
    const FloatView x = material_.view(views.clean[i]), y = material_.view(views.corrupted[i]);
    const Scores scores = score(x, y);
    const auto picture = static_cast<size_t>(views.draws[i].view.image);
    psnr[picture] += scores.psnr / 2;
    squares += scores.mse / 8;
    aligned[picture] += scores.aligned_psnr / 2;
    const Gain gain = fit_gain(x, y);
    const RingSpectra one = ring_spectra(x, y, gain, 32);
    if (i == 0)
      spectra = one;
    else
      spectra += one;
    kept.push_back(apply_gain(y, gain));
    clean.push_back(x);
  }
  for (const std::vector<float>& picture : kept) answers.push_back(material_.view(picture));

  const Interval want = mean_interval(psnr), got = jackknife_interval(measures_[Measure::psnr]);
  EXPECT_NEAR(got.mean, want.mean, 1e-9);
  EXPECT_NEAR(got.low, want.low, 1e-9);
  EXPECT_NEAR(got.high, want.high, 1e-9);
  EXPECT_NEAR(value(Measure::aligned_psnr), mean_interval(aligned).mean, 1e-9);
  EXPECT_NEAR(value(Measure::blur), fit_blur(spectra).variance, 1e-6);  // a search's end
  EXPECT_EQ(value(Measure::distance), sliced_wasserstein(clean, answers));
  // Fewer pictures than groups: each is left out alone. Picture 1 has views 1 and 5.
  ASSERT_EQ(measures_[Measure::distance].without.size(), 4u);
  for (const size_t view : {5, 1}) {
    ASSERT_EQ(views.draws[view].view.image, 1);
    clean.erase(clean.begin() + static_cast<ptrdiff_t>(view));
    answers.erase(answers.begin() + static_cast<ptrdiff_t>(view));
  }
  EXPECT_EQ(measures_[Measure::distance].without[1], sliced_wasserstein(clean, answers));

  EXPECT_NEAR(value(Measure::mse), 1e6 * squares, 1e-6);
  // To 1/8, 1/4 and 1/2 cycles/pixel, in rings of a window of 32; errors in millionths.
  const struct {
    Measure transfer, coherence, error;
    size_t first, end;
  } bands[] = {{Measure::transfer_low, Measure::coherence_low, Measure::error_low, 1, 4},
               {Measure::transfer_middle, Measure::coherence_middle, Measure::error_middle, 4, 8},
               {Measure::transfer_high, Measure::coherence_high, Measure::error_high, 8, 16}};
  for (const auto& band : bands) {
    double cross = 0, power = 0, other = 0, error = 0;
    for (size_t r = band.first; r < band.end; r++) {
      cross += spectra.cross[r], power += spectra.clean[r], other += spectra.other[r];
      error += spectra.error[r] / spectra.windows;
    }
    EXPECT_NEAR(value(band.transfer), cross / power, 1e-9) << band.first;
    EXPECT_NEAR(value(band.coherence), cross * cross / (power * other), 1e-9) << band.first;
    EXPECT_NEAR(value(band.error), 1e6 * error, 1e-6) << band.first;
  }
}

// The corruption's noise moves the two contrasts apart; each must be of its own edges.
TEST_F(BlurMeasuresTest, EdgesAreTakenByContrast) {
  for (const auto& [m, contrast] : {std::pair{Measure::mtf50_01, 0.1}, {Measure::mtf50_06, 0.6}}) {
    std::vector<EdgeProfile> profiles;
    for (size_t i = 0; i < material_.drawn_edges.size(); i++) {
      const Edge& edge = material_.drawn_edges[i];
      if (std::abs(edge.high - edge.low - contrast) < 1e-9)
        profiles.push_back(
            edge_profile(material_.view(material_.edges.corrupted[i]), edge, kSize / 2 - 9));
    }
    EXPECT_EQ(profiles.size(), 64u);
    EXPECT_NEAR(value(m), mtf50(pool(profiles)).value(), 1e-6) << contrast;
  }
  EXPECT_GT(std::abs(value(Measure::mtf50_01) - value(Measure::mtf50_06)), 1e-4);
}

TEST_F(BlurMeasuresTest, OfTheCleanPicturesAreThoseOfNoLoss) {
  const BlurMeasures clean =
      measure_blur(material_, material_.views.clean, material_.leaves.clean, material_.edges.clean);
  EXPECT_TRUE(std::isinf(clean[Measure::psnr].value));
  EXPECT_NEAR(clean[Measure::blur].value, 0, 1e-6);
  EXPECT_NEAR(clean[Measure::transfer_high].value, 1, 1e-9);
  EXPECT_NEAR(clean[Measure::texture].value, 1, 1e-9);
  EXPECT_EQ(clean[Measure::distance].value, 0);
  for (const Measure m : {Measure::mtf50_01, Measure::mtf50_03, Measure::mtf50_06})
    EXPECT_EQ(show(m, clean[m]), "> 0.5") << "an edge as drawn is beyond what pixels tell";
  EXPECT_LT(value(Measure::texture), 0.95) << "the corruption blurs";
  EXPECT_LT(value(Measure::mtf50_06), 0.5);
}

// A blur of known size, of edges and views alike, is found by both measures.
TEST_F(BlurMeasuresTest, TellABlursSize) {
  CorruptSpec spec;
  const Range off{0, 0, false};
  spec.noise = spec.brightness = spec.channel = off;
  spec.blur = {1.5f, 1.5f};
  const BlurMaterial material =
      make_blur_material(dataset_, {0, 1, 2, 3}, {.size = kSize, .corruption = spec});
  const BlurMeasures m = measure_blur(material, material.views.corrupted, material.leaves.corrupted,
                                      material.edges.corrupted);
  EXPECT_NEAR(blur_pixels(m[Measure::blur].value), 1.5, 0.06);
  // sqrt(ln 2 / 2) / (pi s), less the pixel's box and what a short reach cuts off.
  EXPECT_NEAR(m[Measure::mtf50_06].value, 0.187 / 1.5, 0.008);
}

// Waves of 4 and 10 periods in a view, each made stronger by what a blur of two square pixels
// takes of it; the scale ends at one.
TEST_F(BlurMeasuresTest, WhatIsTooSharpIsNoBlurBeyondTheScale) {
  const auto waves = [](double variance) {
    return make_picture(kSize, kSize, [=](int64_t pixel, int64_t) {
      double value = 0.5;
      for (const auto& [strength, periods] : {std::pair{0.1, 4.0}, {0.005, 10.0}}) {
        const double turns = 2 * std::numbers::pi * periods / kSize;
        value += strength * std::exp(variance * turns * turns / 2) *
                 std::cos(turns * double(pixel % kSize));
      }
      return value;
    });
  };
  BlurMaterial material = material_;
  material.views.clean.assign(material.views.clean.size(), waves(0).values);
  const Pictures sharp(material.views.clean.size(), waves(2).values);
  const BlurMeasures m =
      measure_blur(material, sharp, material.leaves.corrupted, material.edges.corrupted);
  EXPECT_EQ(m[Measure::blur].value, -kInfinity);
  EXPECT_EQ(show(Measure::blur, m[Measure::blur]), "too sharp for the scale");
}

TEST_F(BlurMeasuresTest, OfViewsTooSmallAreLeftOutAndSaySo) {
  const BlurMaterial material = make_blur_material(dataset_, {0, 1}, {.size = 8, .corruption = {}});
  const BlurMeasures m = measure_blur(material, material.views.corrupted, material.leaves.corrupted,
                                      material.edges.corrupted);
  EXPECT_TRUE(std::isfinite(m[Measure::psnr].value));
  EXPECT_EQ(show(Measure::blur, m[Measure::blur]), "-");
  EXPECT_EQ(show(Measure::mtf50_01, m[Measure::mtf50_01]), "-");
  ASSERT_EQ(m.notes.size(), 2u);
  EXPECT_NE(m.notes[0].find("spectra"), std::string::npos);
  EXPECT_NE(m.notes[1].find("MTF50"), std::string::npos);
}

TEST_F(BlurMeasuresTest, CropsAreWhereRunsDifferMost) {
  BlurPage page;
  page.material = material_;
  page.runs.resize(2);
  page.runs[0].measures.aligned = page.runs[1].measures.aligned = material_.views.clean;
  // A patch of 8x8 at (16, 8) of view 5, and a fainter one in view 2.
  for (const auto& [view, by] : {std::pair<size_t, float>{5, 0.5f}, {2, 0.25f}})
    for (int64_t y = 16; y < 24; y++)
      for (int64_t x = 8 * 3; x < 16 * 3; x++)
        page.runs[1].measures.aligned[view][static_cast<size_t>(y * kSize * 3 + x)] += by;
  const std::vector<Crop> crops = most_different(page, 8, 2);
  ASSERT_EQ(crops.size(), 2u);
  EXPECT_EQ(crops[0].view, 5u);
  EXPECT_EQ(crops[0].y, 16);
  EXPECT_EQ(crops[0].x, 8);
  EXPECT_NEAR(crops[0].difference, 0.25, 1e-6);
  EXPECT_EQ(crops[1].view, 2u);
}

TEST_F(BlurMeasuresTest, TheJudgeIsNoNetworkThatALossComparesWith) {
  constexpr int64_t kSteps = 2;
  const std::vector<Source>& sources = material_.views.sources;
  const FeatureNetwork judge = train_judge(sources, kSteps);
  EXPECT_NE(judge.widths, kFeatureWidths);
  for (const uint64_t seed : {uint64_t{1}, uint64_t{0xfea7}}) {  // where none is given; a run's
    const FeatureTraining its{.steps = kSteps, .widths = judge.widths, .seed = seed};
    EXPECT_NE(judge.values, train_features(sources, CorruptSpec{}, its).network.values) << seed;
  }
}

TEST(BlurReportText, SaysWhatIsKnown) {
  EXPECT_EQ(show(Measure::transfer_low, Jackknife{0.5, {}}), "0.500");
  EXPECT_EQ(show(Measure::transfer_low, Jackknife{-0.0001, {}}), "0.000");
  EXPECT_EQ(show(Measure::mtf50_01, Jackknife{kInfinity, {}}), "> 0.5");
  EXPECT_EQ(show(Measure::texture, Jackknife{kNaN, {}}), "-");
  // The interval's ends are mapped from variances: s = 1, +- 12.706 * 0.05 = sqrt(1 -+ 0.635).
  EXPECT_EQ(show(Measure::blur, {1, {0.95, 1.05}}), "1.00 [0.60, 1.28]");
  EXPECT_EQ(show_difference(Measure::psnr, {1, {0.99, 1.01}}), "+1.00 [+0.87, +1.13]");
  EXPECT_EQ(show_difference(Measure::psnr, {0.1, {0.0, 0.2}}), "+0.10 [-1.17, +1.37] undecided");
}

// The program, on two tiny runs.
class BlurReport : public testing::Test {
 protected:
  int run(const std::string& command) {
    const std::string line = "XDG_CACHE_HOME=" + path("cache") + " OMP_NUM_THREADS=1 " +
                             DAE_PROGRAMS + "/" + command + " >" + path("out") + " 2>" +
                             path("err");
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string read(const std::string& name) {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path(const std::string& name) { return temporary_.file(name); }
  void make_photos(const std::string& folder, int count) {
    fs::create_directories(path(folder));
    for (int i = 0; i < count; i++)
      save_png(path(folder) + "/leaf" + std::to_string(i) + ".png",
               draw_dead_leaves(3, static_cast<uint64_t>(i), 48, 64));
  }
  int train(const std::string& name, const std::string& options) {
    return run("train_cuda --dataset " + path("photos") + " --batch 2 --steps 3 " + options +
               " --out " + path(name));
  }
  // By a judge of few steps, which is what takes the program half a minute.
  BlurPage compare(const std::string& name, const std::string& folder) {
    return compare_runs(
        {.runs = {path(name)},
         .dataset = path(folder),
         .judge_steps = 20,
         .corruption = [](const CorruptSpec& its) { return its; },
         .open = [](const std::string& at,
                    int64_t max_side) { return open_dataset(at, {.max_side = max_side}); },
         .progress = [](const std::string&) {}},
        Device::cpu);
  }

  TemporaryFolder temporary_;
};

TEST_F(BlurReport, ComparesRunsOnOneSelfContainedPage) {
  make_photos("photos", 3);
  make_photos("other", 4);
  ASSERT_EQ(train("first", "--size 32 --width 4 --blocks 1"), 0) << read("err");
  ASSERT_EQ(train("small", "--size 16 --width 4 --blocks 1"), 0) << read("err");
  ASSERT_EQ(train("fixed", "--size 16 --model fc --latent 8"), 0) << read("err");
  // What a run looks like that has not come to its last step.
  ASSERT_EQ(train("stopped", "--size 32 --width 4 --blocks 1"), 0) << read("err");
  auto config = json_file(path("stopped/config.json"));
  config.erase("hash");  // a change by hand
  config["optimizer"]["steps"] = 400;
  std::ofstream(path("stopped/config.json")) << config;

  const std::string runs = path("first") + " " + path("small") + " " + path("fixed") + " " +
                           path("stopped") + " " + path("nowhere");
  // Those of another day, which are written over.
  std::ofstream(path("page.html")) << "<!DOCTYPE html><p>of yesterday";
  std::ofstream(path("page.json")) << "{\"runs\": 1}";
  ASSERT_EQ(run("blur_report " + runs + " --dataset " + path("other") + " --views 2 --out " +
                path("page.html") + " --json " + path("page.json")),
            0)
      << read("err");

  const std::string page = read("page.html");
  EXPECT_EQ(page.find("of yesterday"), std::string::npos);
  for (const char* outside : {"http://", "https://", "<script", "<link", "src=\"/", "url("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  for (const char* wanted : {"<svg", "data:image/png;base64,", "Transfer", "Where the runs differ"})
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(wrong_tags(page), "");

  const auto json = json_file(path("page.json"));
  ASSERT_EQ(json["runs"].size(), 2u);
  EXPECT_EQ(keys_of(json),
            "corrupted corruption dataset differences notes pictures runs size views");
  EXPECT_EQ(json["views"], 8);
  EXPECT_EQ(json["pictures"], 4);
  EXPECT_EQ(json["size"], 32);
  EXPECT_EQ(json["dataset"], path("other"));
  const std::string measures =
      "aligned_psnr bands blur coherence_high coherence_low coherence_middle distance error_high "
      "error_low error_middle";
  EXPECT_EQ(keys_of(json["corrupted"]),
            measures +
                " mse mtf50_01 mtf50_03 mtf50_06 perceptual psnr texture transfer_high "
                "transfer_low transfer_middle");
  EXPECT_EQ(keys_of(json["runs"][0]),
            measures +
                " loss mse mtf50_01 mtf50_03 mtf50_06 name perceptual psnr run steps "
                "texture transfer_high transfer_low transfer_middle");
  EXPECT_EQ(keys_of(json["runs"][0]["bands"][0]), "coherence error frequency transfer");
  EXPECT_EQ(keys_of(json["runs"][0]["psnr"]), "high low value");
  EXPECT_EQ(keys_of(json["differences"][0]["psnr"]), "decided high low value");
  EXPECT_EQ(json["differences"][0]["of"], "first");
  EXPECT_EQ(json["differences"][0]["minus"], "small");
  EXPECT_EQ(json["runs"][0]["run"], path("first"));
  EXPECT_EQ(json["runs"][0]["steps"], 3);
  EXPECT_EQ(json["runs"][0]["loss"], "mse");
  ASSERT_EQ(json["differences"].size(), 1u);
  EXPECT_NEAR(json["differences"][0]["psnr"]["value"].get<double>(),
              json["runs"][0]["psnr"]["value"].get<double>() -
                  json["runs"][1]["psnr"]["value"].get<double>(),
              1e-9);
  const std::string notes = json["notes"].dump();
  for (const char* wanted : {"unfinished, 3 of 400", "no such run folder",
                             "fc restores crops of 16", "was trained on crops of 16"})
    EXPECT_NE(notes.find(wanted), std::string::npos) << wanted << "\n" << notes;
  for (const std::string note : json["notes"])
    EXPECT_NE(page.find(note.substr(0, 30)), std::string::npos) << note;

  // The scores are those that `evaluate` gives for the same views: the same draws, the same crops.
  ASSERT_EQ(run("evaluate " + path("first") + " --dataset " + path("other") + " --views 2 --json " +
                path("scores.json")),
            0)
      << read("err");
  const auto scores = json_file(path("scores.json"));
  for (const char* key : {"psnr", "aligned_psnr"})
    EXPECT_NEAR(json["runs"][0][key]["value"].get<double>(),
                scores["all"][key]["restored"].get<double>(), 1e-6)
        << key;
  EXPECT_NEAR(json["corrupted"]["psnr"]["value"].get<double>(),
              scores["all"]["psnr"]["corrupted"].get<double>(), 1e-6);
}

TEST_F(BlurReport, LeavesOutWhatRunsWereTrainedOn) {
  make_photos("photos", 4);
  ASSERT_EQ(train("first", "--size 16 --width 4 --blocks 1"), 0) << read("err");
  const auto config = json_file(path("first/config.json"));
  const BlurPage page = compare("first", "photos/../photos");
  EXPECT_EQ(pictures_of(page.material.views), config["data"]["held_out"].size());
  EXPECT_NE(fmt::format("{}", fmt::join(page.corrupted.notes, "\n")).find("MTF50"),
            std::string::npos)
      << "16 pixels are too few";
}

// Datasets are searched through and through, so folders below and above one hold its pictures.
TEST_F(BlurReport, KnowsPicturesByWhereTheyLie) {
  make_photos("all/photos/inside", 4);
  make_photos("all/others", 2);
  ASSERT_EQ(run("train_cuda --dataset " + path("all/photos") +
                " --size 16 --width 4 --blocks 1 --batch 2 --steps 3 --out " + path("first")),
            0)
      << read("err");
  const auto config = json_file(path("first/config.json"));
  const size_t held_out = config["data"]["held_out"].size();
  for (const auto& [folder, want] :
       {std::pair<std::string, size_t>{"all/photos/inside", held_out}, {"all", held_out + 2}}) {
    const BlurPage page = compare("first", folder);
    EXPECT_EQ(pictures_of(page.material.views), want) << folder;
    ASSERT_EQ(run("evaluate " + path("first") + " --dataset " + path(folder) + " --json " +
                  path("scores.json")),
              0)
        << read("err");
    EXPECT_EQ(json_file(path("scores.json"))["trained_on"], 4 - held_out) << folder;
    EXPECT_NE(read("err").find("were trained on"), std::string::npos) << read("err");
  }
}

// With no time for a single run there is a page all the same, and it says what is missing.
TEST_F(BlurReport, TrainsInTheTimeThereIs) {
  make_photos("photos", 3);
  ASSERT_EQ(run("blur_report --train small --time 0.001 --dataset " + path("photos") + " --runs " +
                path("runs") + " --out " + path("page.html") + " --json " + path("page.json")),
            0)
      << read("err");
  EXPECT_NE(read("out").find("0 of 72 runs and 0 of 5 strengths"), std::string::npos)
      << read("out");
  const std::string page = read("page.html");
  for (const char* const wanted : {"0 of 72 runs", "not trained yet", "full setting only"})
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted;
  for (const char* const not_there : {"Cannot be answered", "nan", "0.00 ["})
    EXPECT_EQ(page.find(not_there), std::string::npos) << not_there;
  const auto json = json_file(path("page.json"));
  EXPECT_EQ(json["setting"]["runs"], 0);
  EXPECT_TRUE(json["question 4"]["equal steps"][0]["psnr"]["mean"].is_null());
}

TEST_F(BlurReport, RefusesInOneLine) {
  make_photos("photos", 3);
  fs::create_directories(path("empty"));
  ASSERT_EQ(train("first", "--size 16 --width 4 --blocks 1"), 0) << read("err");
  const std::string out = " --out " + path("page.html");
  const auto expect_refused = [&](const std::string& arguments, int code, const char* words) {
    EXPECT_EQ(run("blur_report " + arguments), code) << arguments << "\n" << read("err");
    EXPECT_NE(read("err").find(words), std::string::npos) << read("err");
    const std::string err = read("err");
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    EXPECT_FALSE(fs::exists(path("page.html")));
  };
  expect_refused(out, 2, "run folders");
  expect_refused(path("first"), 2, "--out");
  expect_refused(path("first") + " --edges" + out, 2, "--edges");
  expect_refused(path("first") + " --steps 5" + out, 2, "--edges");
  expect_refused("--edges --noise 5" + out, 2, "--noise");
  expect_refused("--edges --out " + path("missing/page.html"), 2, "missing");
  expect_refused("--train medium --dataset synthetic" + out, 2, "small, full or large");
  expect_refused("--train small" + out, 2, "--dataset");
  expect_refused("--train small --dataset synthetic --noise 5" + out, 2, "--noise");
  expect_refused("--train small --dataset synthetic" + out + " --json " + path("missing/a.json"), 2,
                 "--json");
  expect_refused(path("first") + " --size 20" + out, 2, "--size 20");
  expect_refused(path("nowhere") + out, 1, "no such run folder");
  expect_refused(path("first") + " --dataset " + path("empty") + out, 1, "no images");
  expect_refused(path("first") + " --dataset " + path("photos") + " --size 64" + out, 1,
                 "no picture of at least 64x64");
}

}  // namespace
}  // namespace dae::test
