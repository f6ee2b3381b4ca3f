// evaluate: how well a run restores pictures, or how well any program's output scores.
#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files.h"
#include "data/text.h"
#include "evaluate/evaluation.h"
#include "record/trained_on.h"
#include "report/evaluation_tables.h"
#include "report/sheet.h"
#include "restore/trained_network.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "tools/open_pictures.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

using namespace dae;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Measures a trained network on pictures: PSNR and SSIM as they are and after the best gain a\n"
    "channel (exposure cannot be known from one picture), the gain errors by themselves, and "
    "beside\n"
    "them doing nothing, grey-world and the true gain. What is drawn is fixed by --seed.\n\n"
    "  evaluate runs/long --dataset photos/val             all corruptions together and each "
    "alone\n"
    "  evaluate runs/long --dataset photos/val --sigma 25 --clip off    plain Gaussian noise\n"
    "  evaluate --pairs clean/ restored/                   any program's output, by file name";

// The images of a folder by path without extension; several where they differ in it alone.
std::map<std::string, std::vector<fs::path>> images_of(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail("--pairs {}: there is no such folder", folder);
  std::map<std::string, std::vector<fs::path>> images;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && has_image_extension(entry.path()))
      images[entry.path().lexically_relative(folder).replace_extension().generic_string()]
          .push_back(entry.path());
  if (images.empty()) fail("--pairs {}: no images in it", folder);
  return images;
}

// Throws Error naming a picture that cannot be read or is not alone, or both where their sizes
// differ.
Scores score_pair(const std::vector<fs::path>& cleans, const std::vector<fs::path>& others) {
  for (const std::vector<fs::path>& same : {cleans, others})
    if (same.size() > 1)
      fail("{} and {}: which of them is meant?", same[0].string(), same[1].string());
  const fs::path &clean = cleans[0], &restored = others[0];
  const Image a = load_image(clean), b = load_image(restored);
  if (a.height != b.height || a.width != b.width)
    fail("{} is {}x{} and {} is {}x{}: a pair must be of one size", clean.string(), a.width,
         a.height, restored.string(), b.width, b.height);
  const auto fa = to_floats(a.pixels.data(), a.height, a.width);
  const auto fb = to_floats(b.pixels.data(), b.height, b.width);
  return score({fa.data(), a.height, a.width}, {fb.data(), b.height, b.width});
}

nlohmann::json score_pairs(const std::string& clean_folder, const std::string& restored_folder) {
  const auto clean = images_of(clean_folder), restored = images_of(restored_folder);
  std::vector<Scores> scores;
  nlohmann::json missing = nlohmann::json::array(), left_out = nlohmann::json::array();
  for (const auto& [name, paths] : clean) {
    const auto other = restored.find(name);
    if (other == restored.end()) {
      missing.push_back(valid_utf8(name));
      continue;
    }
    try {
      scores.push_back(score_pair(paths, other->second));
    } catch (const Error& error) {
      left_out.push_back(valid_utf8(error.what()));
      fmt::print(stderr, "left out: {}\n", error.what());
    }
  }
  if (scores.empty() && left_out.empty())
    fail("--pairs: no picture in {} has a partner of the same name in {}", clean_folder,
         restored_folder);
  if (scores.empty())
    fail("--pairs: none of the {} pairs can be compared; the first: {}", left_out.size(),
         left_out[0].get<std::string>());
  const Summary summary = summarize(scores);
  const auto decibels = [](double value) {
    return std::isinf(value) ? std::string("exact") : fmt::format("{:.2f} dB", value);
  };
  fmt::print(
      "PSNR {} (pooled {}), SSIM {:.4f}; gain-aligned PSNR {}, SSIM {:.4f}; brightness "
      "error {:.2f}%, colour error {:.2f}%, CIEDE2000 {:.2f}; pairs: {}\n",
      decibels(summary.mean.psnr), decibels(summary.pooled_psnr), summary.mean.ssim,
      decibels(summary.mean.aligned_psnr), summary.mean.aligned_ssim, summary.mean.brightness_error,
      summary.mean.colour_error, summary.mean.ciede2000, scores.size());
  if (!missing.empty())
    fmt::print("{} pictures of {} have no partner and are left out; the first: {}\n",
               missing.size(), clean_folder, missing[0].get<std::string>());
  return {{"images", scores.size()},
          {"pairs", to_json(summary)},
          {"without_partner", missing},
          {"left_out", left_out}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::string run, dataset_path, json_file, view = "crops";
  std::vector<std::string> pairs;
  double sigma = -1;
  DeviceOptions device;
  CorruptionOptions corruption;
  EvaluationOptions options;
  int64_t max_side = 0;
  auto* const run_option = app.add_option("RUN", run, "run folder of train_cuda");
  app.add_option("--dataset", dataset_path, "pictures to restore [those the run held out]");
  auto* const pairs_option =
      app.add_option("--pairs", pairs, "CLEAN_DIR RESTORED_DIR: score pictures by file name")
          ->expected(2)
          ->excludes(run_option);
  app.add_option("--sigma", sigma, "plain Gaussian noise of this strength (units of 1/255) alone")
      ->check(number_between(0, 255));
  app.add_option("--view", view, "crops (of the training size) or whole pictures")
      ->check(CLI::IsMember({"crops", "whole"}))
      ->capture_default_str();
  app.add_option("--views", options.views_per_image, "crops a picture")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--most-views", options.most_views, "crops in all")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  auto* const side_option =
      app.add_option("--max-side", max_side, "shrink larger pictures to this [as the run]")
          ->check(CLI::Range(0, 65536));
  add_seed(app, options.seed, "of what is drawn");
  app.add_option("--json", json_file, "write the figures to this file as well");
  corruption.add_to(app, "as the run");
  device.add_to(app);

  return run_program("evaluate", app, argc, argv, [&] {
    nlohmann::json json;
    if (pairs_option->count()) {
      refuse_other_options(app, {"--pairs", "--json"}, "says nothing about --pairs");
      json = score_pairs(pairs[0], pairs[1]);
    } else {
      if (run.empty()) fail_usage("give a run folder, or --pairs CLEAN_DIR RESTORED_DIR");
      if (sigma >= 0)
        refuse_options(app, {"--noise", "--blur", "--brightness", "--channel", "--order"},
                       "contradicts --sigma, which is noise of one strength alone");
      if (view == "whole") refuse_options(app, {"--views", "--most-views"}, "is for --view crops");
      const Device on = device.apply();
      TrainedNetwork network = open_trained_network(run, on);
      const RunConfig& config = network.config;
      options.corruption = corruption.apply(config.corruption);
      options.sigma = sigma;
      options.whole_pictures = view == "whole";
      const bool own = dataset_path.empty();
      const std::string path = !own                        ? dataset_path
                               : config.validation.empty() ? config.dataset
                                                           : config.validation;
      const Dataset dataset =
          open_pictures(path, side_option->count() ? max_side : config.max_side);
      const std::set<std::string> held_out(config.held_out.begin(), config.held_out.end());
      std::vector<int64_t> images;
      for (int64_t i = 0; i < dataset.size(); i++)
        if (!own || held_out.contains(valid_utf8(dataset[i].name))) images.push_back(i);
      const auto seen = trained_on(config, path);
      const auto trained = std::count_if(images.begin(), images.end(),
                                         [&](int64_t i) { return seen(dataset[i].name); });
      if (trained > 0)
        fmt::print(stderr,
                   "{} of {} pictures were trained on: this is not how it restores new ones\n",
                   trained, images.size());
      if (images.empty())
        fail("{}: none of the pictures the run held out are left; give --dataset", path);
      const Buffer weights(on, network.weights.size() * sizeof(float));
      copy_between_devices(weights.data(), network.weights.data(), weights.bytes());
      ProgressLine line;
      options.progress = [&](const std::string& row, size_t done, size_t total) {
        line.show(fmt::format("{}: {} of {}", row, done, total));
      };
      const Evaluation evaluation =
          evaluate({on, config, network.parameters, reinterpret_cast<const float*>(weights.data())},
                   dataset, images, options);
      line.clear();
      fmt::print("{}: {} pictures of {}\n{}", run, images.size(), path, to_text(evaluation));
      json = to_json(evaluation);
      json["pictures"] = images.size();
      json["trained_on"] = trained;
      json["run"] = run;
      json["dataset"] = path;
    }
    if (!json_file.empty()) write_file_atomically(json_file, std::string_view(file_text(json)));
    return 0;
  });
}
