#include "train/follower.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "data/hash.h"
#include "record/device_record.h"
#include "runtime/error.h"
#include "train/training_pictures.h"

namespace dae {

using nlohmann::json;

namespace {

// Tells pictures from others by their sizes and first rows; all of a million would take minutes to read.
std::string hash_of(const std::vector<Source>& pictures) {
  Hash hash;
  for (const Source& picture : pictures) {
    hash.add_number(picture.height);
    hash.add_number(picture.width);
    hash.add(picture.pixels, 3 * static_cast<size_t>(picture.width));
  }
  return hash.digits();
}

// What options say, without what rank 0 makes of them.
json as_given(const RunConfig& config) {
  json given = to_json(config).flatten();
  for (const char* made : {"/budget", "/optimizer/warmup", "/optimizer/steps", "/optimizer/start"})
    given.erase(made);
  json kept = json::object();
  for (const auto& [key, value] : given.items())
    if (!key.starts_with("/data/held_out")) kept[key] = value;
  return kept;
}

void check_options(const RunConfig& own, const RunConfig& told) {
  const json here = as_given(own), there = as_given(told);
  for (const auto& [key, value] : there.items())
    if (!here.contains(key) || here[key] != value)
      fail("it was started with {} for {}, and rank 0 with {}: give all ranks the same options",
           here.contains(key) ? here[key].dump() : "nothing", key.substr(1), value.dump());
}

}  // namespace

TrainerConfig trainer_config(const RunConfig& config, const SessionOptions& options,
                             FeatureNetwork features) {
  return {.device = options.device,
          .network = config.network,
          .corruption = config.corruption,
          .loss = config.loss,
          .features = std::move(features),
          .adam = config.adam,
          .schedule = config.schedule,
          .batch = config.batch,
          .seed = config.seed,
          .sharding = {config.shards, options.ranks, options.patience}};
}

void tell_run(const SessionOptions& options, const RunConfig& config,
              const FeatureNetwork& features, const std::vector<Source>& pictures) {
  const json told = {{"config", to_json(config)},
                     {"software", describe_build()},
                     {"pictures", hash_of(pictures)},
                     {"feature_widths", features.widths},
                     {"feature_values", features.values.size()}};
  broadcast(*options.ranks, told.dump(), options.patience);
  std::vector<float> values = features.values;
  broadcast(*options.ranks, values.data(), values.size() * sizeof(float), options.patience);
}

void await_followers(const SessionOptions& options) {
  const std::vector<std::string> problems = gather(*options.ranks, "", options.patience);
  for (size_t i = 0; i < problems.size(); i++)
    if (!problems[i].empty())
      fail("{}: {}", describe(*options.ranks, static_cast<int>(i)), problems[i]);
}

namespace {

// The pictures are looked at while the trainer is.
struct Follower {
  TrainingPictures pictures;
  std::unique_ptr<Trainer> trainer;
};

Follower join_run(const SessionOptions& options) {
  Communicator& ranks = *options.ranks;
  const json told = json::parse(broadcast(ranks, "", options.patience));
  FeatureNetwork features;
  told.at("feature_widths").get_to(features.widths);
  features.values.resize(told.at("feature_values").get<size_t>());
  broadcast(ranks, features.values.data(), features.values.size() * sizeof(float),
            options.patience);
  const RunConfig config = run_config_from_json(told.at("config"), "what rank 0 tells");
  if (!options.resume) check_options(options.config, config);
  if (const auto changes = software_changes(told.at("software"), describe_build());
      !changes.empty())
    fail("compared with rank 0, {}: the ranks would not round alike", fmt::join(changes, "; "));
  TrainingObserver nobody;
  Follower follower{.pictures = {config.dataset, config.given, config.validation, config.max_side,
                                 config.held_out, nobody},
                    .trainer = nullptr};
  const std::vector<Source> sources = follower.pictures.training();
  if (hash_of(sources) != told.at("pictures"))
    fail("{}: its {} pictures to train on are not those of rank 0", config.dataset, sources.size());
  follower.trainer = make_trainer(trainer_config(config, options, std::move(features)), sources);
  return follower;
}

}  // namespace

void follow_run(const SessionOptions& options) {
  std::optional<Follower> follower;
  try {
    follower = join_run(options);
  } catch (const RankLost&) {
    throw;
  } catch (const std::exception& error) {
    gather(*options.ranks, error.what(), options.patience);
    throw SaidByRankZero(error.what());
  }
  gather(*options.ranks, "", options.patience);
  follower->trainer->follow();
}

}  // namespace dae
