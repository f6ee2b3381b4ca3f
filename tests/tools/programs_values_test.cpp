// What the programs write, by value: every figure is worked out again from the pictures, or tied to others
// by what its unit means.
#include <dae/denoiser.h>
#include <dae/evaluation.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <sstream>

#include "data/photo.h"
#include "quality/scores.h"
#include "tests/support/json_file.h"
#include "tests/support/photo_sample.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

using nlohmann::json;

// What a file may hold: no number that is none.
void expect_figure(const json& got, double want, const std::string& where) {
  ASSERT_EQ(got.is_null(), !std::isfinite(want)) << where << ": " << got;
  if (!got.is_number()) return;
  EXPECT_NEAR(got.get<double>(), want, 1e-9 * std::abs(want) + 1e-12) << where;
}

void expect_summary(const std::function<json(const char*)>& got, const Summary& want) {
  expect_figure(got("psnr"), want.mean.psnr, "psnr");
  expect_figure(got("aligned_psnr"), want.mean.aligned_psnr, "aligned_psnr");
  expect_figure(got("pooled_psnr"), want.pooled_psnr, "pooled_psnr");
  expect_figure(got("pooled_aligned_psnr"), want.pooled_aligned_psnr, "pooled_aligned_psnr");
  expect_figure(got("ssim"), want.mean.ssim, "ssim");
  expect_figure(got("aligned_ssim"), want.mean.aligned_ssim, "aligned_ssim");
  expect_figure(got("brightness_error"), want.mean.brightness_error, "brightness_error");
  expect_figure(got("colour_error"), want.mean.colour_error, "colour_error");
  expect_figure(got("ciede2000"), want.mean.ciede2000, "ciede2000");
}

// By the library's function in floats, rounded here: bytes, 16 bits, grey, and what is transparent.
TEST_F(Programs, DenoiseWritesWhatTheNetworkMakesRounded) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 6 --out " + path("run"))).code, 0) << read("err");
  std::filesystem::create_directory(path("given"));
  const std::string fixtures = std::string(DAE_FIXTURES) + "/photos/";
  for (const char* const name : {"grey16.png", "rgba16.png", "grey_alpha.png"})
    std::filesystem::copy_file(fixtures + name, path("given/") + name);
  save_png(path("given/odd.png"), draw_dead_leaves(1, 5, 37, 53));
  ASSERT_EQ(run("denoise " + path("run") + " " + path("given") + " --out " + path("made")).code, 0)
      << read("err");
  Denoiser denoiser(path("run"), {.device = Device::cpu});
  for (const char* const name : {"odd.png", "grey16.png", "rgba16.png", "grey_alpha.png"}) {
    const Photo given = load_photo(path("given/") + name), made = load_photo(path("made/") + name);
    const auto channels = static_cast<size_t>(given.channels);
    const double white = given.bits == 8 ? 255 : 65535;
    std::vector<float> floats;
    const size_t count = given.samples.size() / static_cast<size_t>(given.bits / 8);
    for (size_t i = 0; i < count; i++)
      floats.push_back(static_cast<float>(sample(given, i)) / static_cast<float>(white));
    std::vector<float> restored = floats;
    denoiser.restore(floats.data(), given.height, given.width, restored.data(),
                     {.channels = given.channels});
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
      const bool alpha = channels % 2 == 0 && i % channels == channels - 1;
      const double want =
          alpha ? sample(given, i) : std::clamp(double{restored[i]}, 0.0, 1.0) * white;
      // A grey pixel's mean of three has its own rounding; half a step is what rounding leaves.
      ASSERT_LE(std::abs(sample(made, i) - want), 0.5 + 1e-5 * white) << name << " sample " << i;
      changed = changed || sample(made, i) != sample(given, i);
    }
    EXPECT_TRUE(changed) << name;
  }
}

// Three pairs: one of noise, one that is darker, one exact.
TEST_F(Programs, EvaluatePairsWritesTheFiguresOfThePairs) {
  std::vector<Scores> scores;
  for (const char* const folder : {"clean", "made"})
    std::filesystem::create_directory(path(folder));
  for (int i = 0; i < 3; i++) {
    const Image clean = draw_dead_leaves(3, static_cast<uint64_t>(i), 40, 56);
    Image made = clean;
    for (size_t k = 0; k < made.pixels.size(); k++)
      made.pixels[k] = static_cast<uint8_t>(i == 0   ? made.pixels[k] ^ (k % 7 == 0 ? 16 : 0)
                                            : i == 1 ? made.pixels[k] * (k % 3 == 0 ? 5 : 6) / 8
                                                     : made.pixels[k]);
    const std::string name = "/" + std::to_string(i) + ".png";
    save_png(path("clean") + name, clean);
    save_png(path("made") + name, made);
    const std::vector<float> a = to_floats(clean.view()), b = to_floats(made.view());
    scores.push_back(score({a.data(), 40, 56}, {b.data(), 40, 56}));
  }
  const std::string command = "evaluate --pairs " + path("clean") + " " + path("made");
  ASSERT_EQ(run(command + " --json " + path("a.json")).code, 0) << read("err");
  json all = json_file(path("a.json"));
  EXPECT_EQ(all["images"], 3);
  expect_summary([&](const char* key) { return all["pairs"].at(key); }, summarize(scores));
  EXPECT_GT(
      std::abs(all["pairs"]["psnr"].get<double>() - all["pairs"]["pooled_psnr"].get<double>()),
      0.5);
  for (const char* const name : {"0.png", "1.png"}) std::filesystem::remove(path("made/") + name);
  EXPECT_EQ(run(command + " --json " + path("a.json")).code, 1) << "two have no partner";
  all = json_file(path("a.json"));
  EXPECT_EQ(all["images"], 1);
  EXPECT_TRUE(all["pairs"]["psnr"].is_null()) << "of an exact copy it is infinite";
  EXPECT_EQ(all["pairs"]["ssim"], 1);
}

// Each row, measure and candidate of the file is that of the library. Where no corruption is
// given, it is the run's.
TEST_F(Programs, EvaluateWritesTheFiguresOfTheLibrary) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 6 --noise 30:40 --blur off --out " + path("run"))).code, 0)
      << read("err");
  CorruptSpec blurred;
  blurred.noise = {30, 40}, blurred.blur = {0.5f, 0.5f};
  setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
  struct Case {
    std::string options;
    EvaluationOptions wanted;
    size_t rows, images;
  };
  for (auto& [options, wanted, rows, images] :
       std::vector<Case>{{"", {}, 5, 16},
                         {" --view whole", {.whole_pictures = true}, 5, 4},
                         {" --blur 0.5", {.corruption = blurred}, 6, 16},
                         {" --sigma 25", {.sigma = 25}, 1, 16},
                         {" --views 2 --most-views 7 --seed 9 --max-side 32",
                          {.max_side = 32, .views_per_image = 2, .most_views = 7, .seed = 9},
                          5,
                          7}}) {
    SCOPED_TRACE(options);
    ASSERT_EQ(run("evaluate " + path("run") + " --device cpu --dataset " + path("photos") +
                  options + " --json " + path("e.json"))
                  .code,
              0)
        << read("err");
    const json file = json_file(path("e.json"));
    wanted.device = Device::cpu;
    wanted.dataset = path("photos");
    const Evaluation evaluation = evaluate(path("run"), wanted);
    EXPECT_EQ(file["images"], images);
    EXPECT_EQ(file["pictures"], 4);
    EXPECT_EQ(file["trained_on"], evaluation.trained_on);
    EXPECT_EQ(evaluation.rows.size(), rows);
    for (const EvaluationRow& row : evaluation.rows)
      for (const auto& [name, summary] : {std::pair{"corrupted", &row.corrupted},
                                          {"restored", &row.restored},
                                          {"grey_world", &row.grey_world},
                                          {"true_gain", &row.true_gain}}) {
        SCOPED_TRACE(row.name + " " + name);
        expect_summary([&](const char* key) { return file.at(row.name).at(key).at(name); },
                       *summary);
      }
  }
}

// One of the four pictures is held out.
TEST_F(Programs, EvaluateSaysOfWhatTheFiguresAre) {
  make_photos("photos");
  ASSERT_EQ(run(train("--steps 2 --out " + path("run"))).code, 0) << read("err");
  struct Case {
    std::string options, shrunk;
    int max_side;
  };
  for (const auto& [options, shrunk, max_side] :
       {Case{"", ", larger ones shrunk to 1024 pixels (--max-side 0: as they are)", 1024},
        {" --max-side 0", "", 0}}) {
    const Outcome outcome = run("evaluate " + path("run") + " --device cpu --dataset " +
                                path("photos") + options + " --json " + path("e.json"));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const std::string first = path("run") + ": 4 pictures of " + path("photos") + shrunk + "\n";
    EXPECT_TRUE(outcome.out.starts_with(first)) << outcome.out;
    EXPECT_EQ(outcome.err,
              "3 of 4 pictures were trained on: this is not how it restores new ones\n");
    const json file = json_file(path("e.json"));
    EXPECT_EQ(file["run"], path("run"));
    EXPECT_EQ(file["dataset"], path("photos"));
    EXPECT_EQ(file["max_side"], max_side);
  }
}

// Images a second, times seconds, are images: what is validated takes time besides. Columns are found by
// their names, and the rate is the schedule's.
TEST_F(Programs, MetricsAreWhatTheirNamesSay) {
  make_photos("photos");
  constexpr double kBatch = 12;
  ASSERT_EQ(run(train("--batch 12 --steps 30 --size 24 --out " + path("run"))).code, 0)
      << read("err");
  const auto split = [](const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    return fields;
  };
  std::istringstream lines(read("run/metrics.csv"));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = split(line);
  const double peak =
      json_file(path("run/config.json"))["optimizer"]["learning_rate"].get<double>();
  double training = 0, seconds = 0;
  int steps = 0;
  while (std::getline(lines, line)) {
    const std::vector<std::string> fields = split(line);
    const auto value = [&](const char* name) {
      const auto at = std::find(header.begin(), header.end(), name) - header.begin();
      return std::stod(fields.at(static_cast<size_t>(at)));
    };
    const int step = static_cast<int>(value("step"));
    training += kBatch * (step - steps) / value("images_per_second");
    steps = step;
    seconds = value("seconds");
    const double want =
        step <= 3 ? peak * step / 3 : peak / 2 * (1 + std::cos(std::numbers::pi * (step - 3) / 27));
    EXPECT_NEAR(value("learning_rate"), want, 1e-5 * peak) << line;
    EXPECT_GT(value("loss"), 1e-4) << line;
    EXPECT_LT(value("loss"), 0.2) << line;
    EXPECT_GT(value("gradient_norm"), 1e-3) << line;
    if (step == 30) {
      EXPECT_GT(value("validation_psnr"), 7) << line;
      EXPECT_LT(value("validation_psnr"), 40) << line;
    }
  }
  EXPECT_EQ(steps, 30);
  EXPECT_LE(training, 1.01 * seconds + 0.002);
  EXPECT_GE(training, 0.02 * seconds);
}

}  // namespace
}  // namespace dae::test
