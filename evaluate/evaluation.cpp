#include <dae/evaluation.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "corrupt/spec.h"
#include "data/text.h"
#include "evaluate/measure.h"
#include "record/engine_file.h"
#include "record/trained_on.h"
#include "runtime/error.h"
#include "runtime/field.h"

namespace dae {
namespace {

void check(const EvaluationOptions& options) {
  check_field("views_per_image", double(options.views_per_image), 1, 1000);
  check_field("most_views", double(options.most_views), 1, 1e6);
  if (options.sigma) check_field("sigma", *options.sigma, 0, kMaxNoise);
  if (options.max_side) check_field("max_side", double(*options.max_side), 0, 65536);
  if (options.corruption) validate(*options.corruption);
}

}  // namespace

Evaluation evaluate(const std::filesystem::path& run, const EvaluationOptions& options) {
  check(options);
  use_for_networks(options.device);
  OpenedRun opened(run, options.device);
  const RunConfig& config = opened.config();
  const auto tell = [&](const std::string& what, size_t done, size_t total) {
    if (options.progress && !options.progress(what, done, total))
      throw Cancelled("the evaluation was cancelled");
  };
  const bool own = options.dataset.empty();
  if (own && config.dataset.empty())
    fail_field("dataset", "is missing: {} is a network alone, without pictures held out for it",
               run.string());
  const std::string path = own ? validated_on(config) : options.dataset;
  const int64_t max_side = options.max_side.value_or(config.max_side);
  const auto progress = [&](size_t done, size_t total) { tell("reading " + path, done, total); };
  const Dataset dataset = own && !config.given.empty() && !options.sigma
                              ? open_pairs(path, config.given, progress)
                              : open_dataset(path, {.max_side = max_side, .progress = progress});
  const std::set<std::string> held_out(config.held_out.begin(), config.held_out.end());
  std::vector<int64_t> images;
  for (int64_t i = 0; i < dataset.size(); i++)
    if (!own || held_out.contains(valid_utf8(std::string(dataset[i].name)))) images.push_back(i);
  if (images.empty())
    fail("{}: none of the pictures the run held out are left; name another dataset", path);

  Evaluation evaluation = measure(opened.network(), dataset, images,
                                  {.corruption = options.corruption.value_or(config.corruption),
                                   .sigma = options.sigma,
                                   .whole_pictures = options.whole_pictures,
                                   .views_per_image = options.views_per_image,
                                   .most_views = options.most_views,
                                   .seed = options.seed,
                                   .progress = tell});
  evaluation.note = opened.note();
  evaluation.dataset = path;
  evaluation.max_side = max_side;
  evaluation.pictures = static_cast<int64_t>(images.size());
  const auto seen = trained_on(config, path);
  evaluation.trained_on = std::count_if(
      images.begin(), images.end(), [&](int64_t i) { return seen(std::string(dataset[i].name)); });
  for (const Dataset::Skipped& skipped : dataset.skipped())
    evaluation.left_out.push_back(skipped.reason);
  return evaluation;
}

}  // namespace dae
