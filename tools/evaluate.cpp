// evaluate: how well a run restores pictures, or how well any program's output scores.
#include <dae/evaluation.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "data/files.h"
#include "data/text.h"
#include "evaluate/pairs.h"
#include "report/evaluation_tables.h"
#include "restore/trained_network.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/result_file.h"
#include "tools/say.h"

namespace {

using namespace dae;

constexpr const char* kAbout =
    "Measures a trained network on pictures: PSNR and SSIM as they are and after the best gain a\n"
    "channel (exposure cannot be known from one picture), the gain errors by themselves, and "
    "beside\n"
    "them doing nothing, grey-world and the true gain. What is drawn is fixed by --seed.\n\n"
    "  evaluate runs/long --dataset photos/val             all corruptions together and each "
    "alone\n"
    "  evaluate runs/long --dataset photos/val --sigma 25 --clip off    plain Gaussian noise\n"
    "  evaluate --pairs clean/ restored/                   any program's output, by file name";

nlohmann::json evaluate_pairs(const std::string& clean, const std::string& restored) {
  const PairScores scores = score_pairs(clean, restored);
  for (const std::string& reason : scores.left_out) say(stderr, "left out: {}\n", reason);
  say("{}", to_text(scores));
  if (!scores.without_partner.empty())
    say("{} pictures of {} have no partner and are left out; the first: {}\n",
        scores.without_partner.size(), clean, scores.without_partner[0]);
  return {{"images", scores.summary.images},
          {"pairs", to_json(scores.summary)},
          {"without_partner", scores.without_partner},
          {"left_out", scores.left_out}};
}

nlohmann::json evaluate_run(const std::string& run, EvaluationOptions& options) {
  ProgressLine line;
  options.progress = [&](const std::string& what, size_t done, size_t total) {
    line.show(fmt::format("{}: {} of {}", what, done, total));
    return true;
  };
  const Evaluation evaluation = evaluate(run, options);
  line.clear();
  if (!evaluation.note.empty()) say(stderr, "evaluate: {}\n", evaluation.note);
  for (const std::string& reason : evaluation.left_out) say(stderr, "left out: {}\n", reason);
  if (evaluation.trained_on > 0)
    say(stderr, "{} of {} pictures were trained on: this is not how it restores new ones\n",
        evaluation.trained_on, evaluation.pictures);
  say("{}: {} pictures of {}{}\n{}", run, evaluation.pictures, evaluation.dataset,
      evaluation.max_side > 0
          ? fmt::format(", larger ones shrunk to {} pixels (--max-side 0: as they are)",
                        evaluation.max_side)
          : "",
      to_text(evaluation));
  nlohmann::json json = to_json(evaluation);
  json["pictures"] = evaluation.pictures;
  json["max_side"] = evaluation.max_side;
  json["trained_on"] = evaluation.trained_on;
  json["run"] = run;
  json["dataset"] = evaluation.dataset;
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  std::string run, json_file, view = "crops";
  std::vector<std::string> pairs;
  DeviceOptions device;
  CorruptionOptions corruption;
  EvaluationOptions options;
  auto* const run_option =
      app.add_option("RUN", run, "run folder of train_cuda, or a network file of export");
  app.add_option("--dataset", options.dataset, "pictures to restore [those the run held out]");
  auto* const pairs_option =
      app.add_option("--pairs", pairs, "CLEAN_DIR RESTORED_DIR: score pictures by file name")
          ->expected(2)
          ->excludes(run_option);
  app.add_option("--sigma", options.sigma,
                 "plain Gaussian noise of this strength (units of 1/255) alone")
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
  app.add_option("--max-side", options.max_side, "shrink larger pictures to this [as the run]")
      ->check(CLI::Range(0, 65536));
  add_seed(app, options.seed, "of what is drawn");
  app.add_option("--json", json_file, "write the figures to this file as well");
  corruption.add_to(app, "as the run");
  device.add_to(app);

  return run_program("evaluate", app, argc, argv, [&] {
    if (!json_file.empty()) check_result("--json", json_file, ResultKind::figures);
    nlohmann::json json;
    if (pairs_option->count()) {
      refuse_other_options(app, {"--pairs", "--json"}, "says nothing about --pairs");
      json = evaluate_pairs(pairs[0], pairs[1]);
    } else {
      if (run.empty()) fail_usage("give a run folder, or --pairs CLEAN_DIR RESTORED_DIR");
      if (options.sigma)
        refuse_corruption(app, {}, "contradicts --sigma, which is noise of one strength alone");
      if (view == "whole") refuse_options(app, {"--views", "--most-views"}, "is for --view crops");
      options.whole_pictures = view == "whole";
      options.device = device.apply();
      options.corruption = corruption.apply(read_trained_config(run).corruption);
      json = evaluate_run(run, options);
    }
    if (!json_file.empty()) write_file_atomically(json_file, std::string_view(file_text(json)));
    // Pairs that were left out are not scored: whoever asks a script hears of it.
    return json.value("left_out", nlohmann::json::array()).empty() &&
                   json.value("without_partner", nlohmann::json::array()).empty()
               ? 0
               : 1;
  });
}
