#include "train/follower.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "data/text.h"
#include "record/device_record.h"
#include "runtime/error.h"
#include "train/held_out.h"
#include "train/validation.h"

namespace dae {

using nlohmann::json;

namespace {

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
                             FeatureNetwork features, const TrainingPictures& pictures) {
  return {.device = options.device,
          .network = config.network,
          .corruption = config.corruption,
          .loss = config.loss,
          .features = std::move(features),
          .adam = config.adam,
          .schedule = config.schedule,
          .batch = config.batch,
          .seed = config.seed,
          .sharding = {config.shards, options.ranks, options.gpus},
          .check_source = pictures.check_of_training()};
}

void tell_run(const SessionOptions& options, const RunConfig& config,
              const FeatureNetwork& features, const TrainingPictures& pictures) {
  const json told = {{"config", to_json(config)},
                     {"software", describe_build()},
                     {"pictures", pictures.hash()},
                     {"feature_widths", features.widths},
                     {"feature_values", features.values.size()}};
  broadcast(*options.ranks, told.dump());
  std::vector<float> values = features.values;
  broadcast(*options.ranks, values.data(), values.size() * sizeof(float));
}

void await_followers(const SessionOptions& options) {
  const std::vector<std::string> problems = gather(*options.ranks, "");
  for (size_t i = 0; i < problems.size(); i++)
    if (!problems[i].empty())
      fail("{}: {}", describe(*options.ranks, static_cast<int>(i)), problems[i]);
}

void tell_folder(const SessionOptions& options, Trainer& trainer,
                 const std::filesystem::path& folder) {
  if (!options.ranks) return;
  trainer.announce({Trainer::Shared::Work::name_of_folder});
  broadcast(*options.ranks, folder.string());
}

namespace {

// As far as it can be seen from this machine.
std::string kept_in(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (folder.empty() || !std::filesystem::exists(folder, ignored)) return "";
  return std::filesystem::exists(folder / "checkpoint.safetensors", ignored)
             ? fmt::format("; {} keeps its last checkpoint, which it can be resumed from",
                           folder.string())
             : fmt::format("; {} has no checkpoint yet", folder.string());
}

struct JoinedRun {
  RunConfig config;
  FeatureNetwork features;
  std::unique_ptr<TrainingPictures> pictures;
};

JoinedRun join_run(const SessionOptions& options) {
  Communicator& ranks = *options.ranks;
  const json told = json_from(broadcast(ranks, ""));
  JoinedRun run;
  told.at("feature_widths").get_to(run.features.widths);
  run.features.values.resize(told.at("feature_values").get<size_t>());
  broadcast(ranks, run.features.values.data(), run.features.values.size() * sizeof(float));
  run.config = run_config_from_json(told.at("config"), "what rank 0 tells");
  if (!options.resume) check_options(options.config, run.config);
  if (const auto changes = software_changes(told.at("software"), describe_build());
      !changes.empty())
    fail("compared with rank 0, {}: the ranks would not round alike", fmt::join(changes, "; "));
  const RunConfig& c = run.config;
  TrainingObserver nobody;
  run.pictures = std::make_unique<TrainingPictures>(c.dataset, c.given, c.validation, c.max_side,
                                                    c.held_out, nobody);
  if (run.pictures->hash() != told.at("pictures"))
    fail("{}: its {} pictures to train on and {} to validate on are not those of rank 0", c.dataset,
         run.pictures->training_count(), run.pictures->held_out_count());
  return run;
}

}  // namespace

void follow_run(const SessionOptions& options) {
  JoinedRun run;
  try {
    run = join_run(options);
  } catch (const RankLost&) {
    throw;
  } catch (const std::exception& error) {
    gather(*options.ranks, error.what());
    throw SaidByRankZero(error.what());
  }
  gather(*options.ranks, "");
  const RunConfig& config = run.config;
  auto validation = std::make_unique<Validation>(options.device, config.network, config.corruption,
                                                 run.pictures->held_out(), options.ranks);
  const auto trainer =
      make_trainer(trainer_config(config, options, std::move(run.features), *run.pictures),
                   run.pictures->training(), {validation->arena_bytes(), validation->own_bytes()});
  meet(*options.ranks);
  validation->attach(trainer->arena(), trainer->arena_bytes(), trainer->ema());
  std::filesystem::path folder;
  const auto take_part = [&](const Trainer::Shared& shared) {
    switch (shared.work) {
      case Trainer::Shared::Work::validation:
        validation->psnr();
        break;
      case Trainer::Shared::Work::evaluation:  // the last of a run
        validation.reset();
        measure_held_out(*trainer, config, options.device, *run.pictures, shared.views,
                         options.ranks);
        break;
      case Trainer::Shared::Work::name_of_folder:
        folder = broadcast(*options.ranks, "");
        break;
    }
  };
  try {
    trainer->follow(take_part);
  } catch (const RankLost& lost) {
    throw RankLost(lost.what() + kept_in(folder));
  }
}

}  // namespace dae
