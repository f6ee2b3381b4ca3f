// The face's side of training: options become the configuration of a run.
#include <dae/training.h>

#include <filesystem>

#include "data/dataset.h"
#include "model/sharded.h"
#include "ranks/join.h"
#include "record/engine_file.h"
#include "record/feature_file.h"
#include "restore/trained_network.h"
#include "runtime/error.h"
#include "runtime/field.h"
#include "train/budget.h"
#include "train/configured.h"
#include "train/defaults.h"
#include "train/session.h"

namespace dae {
namespace {

constexpr double kDefaultSeconds = 300;

NetworkKind kind_of(const std::string& model) {
  for (const NetworkKind kind : {NetworkKind::unet, NetworkKind::conv, NetworkKind::fc})
    if (model == name_of(kind)) return kind;
  fail_field("model", "{}: give unet, conv or fc", model);
}

// What the options say of a unet alone: f(field, value given, where it goes).
template <class F>
void each_of_unet(const TrainingOptions& options, NetworkConfig& network, const F& f) {
  f("width", options.width, network.width);
  f("blocks", options.blocks, network.blocks);
  f("levels", options.levels, network.levels);
  f("stem", options.stem, network.stem);
  f("skips", options.skips, network.skips);
  f("global", options.global, network.global);
  f("residual", options.residual, network.residual);
  f("noise_input", options.noise_input, network.noise_input);
}

// The network of `from` for crops of another size, or a FieldError naming what contradicts it.
NetworkConfig network_like(const NetworkConfig& from, const TrainingOptions& options) {
  NetworkConfig network = from;
  network.size = options.size;
  if (network.kind == NetworkKind::conv) {  // its latent is a map, whose channels stay
    const auto pixels = [](int64_t size) { return (size / 8) * (size / 8); };
    network.latent = from.latent / pixels(from.size) * pixels(network.size);
  }
  const auto agree = [](const char* field, const auto& given, const auto& has) {
    if (given && *given != has)
      fail_field(field, "{}: the network to start from has {}", *given, has);
  };
  if (!options.model.empty() && kind_of(options.model) != from.kind)
    fail_field("model", "{}: the network to start from is {}", options.model, name_of(from.kind));
  each_of_unet(options, network, agree);
  agree("latent", options.latent, network.latent);
  if (has_one_size(from)) agree("size", std::optional(options.size), from.size);
  return network;
}

NetworkConfig network_of(const TrainingOptions& options) {
  NetworkConfig network;
  network.kind = options.model.empty() ? NetworkKind::unet : kind_of(options.model);
  network.size = options.size;
  const bool unet = network.kind == NetworkKind::unet;
  if (unet) {
    network.levels = 3;
    network.stem = 2;
  }
  each_of_unet(options, network, [&](const char* field, const auto& given, auto& value) {
    if (!given) return;
    if (!unet) fail_field(field, "is for the model unet");
    value = *given;
  });
  if (options.latent) {
    if (unet) fail_field("latent", "is for fc and conv: unet has none");
    network.latent = *options.latent;
  } else if (network.kind == NetworkKind::conv) {
    network.latent = 128 * (network.size / 8) * (network.size / 8);
  }
  return network;
}

void set_precision(const TrainingOptions& options, NetworkConfig& network) {
  if (!options.precision.empty() && options.precision != "bf16" && options.precision != "fp32")
    fail_field("precision", "{}: give bf16 or fp32", options.precision);
  if (options.precision == "bf16" && options.device == Device::cpu)
    fail_field("precision", "bf16: the CPU computes in fp32");
  network.dtype =
      options.device == Device::cuda && options.precision != "fp32" ? DType::bf16 : DType::f32;
}

// `from`: the configuration of the network to start from, or null.
RunConfig config_of(const TrainingOptions& options, const RunConfig* from, int ranks) {
  if (options.dataset.empty())
    fail_field("dataset", "is missing: name a folder of images, or `synthetic`");
  if (options.max_side < 0 || options.max_side > 65536)
    fail_field("max_side", "{}: give 0 to 65536 pixels", options.max_side);
  validate(options.corruption);
  RunConfig config;
  config.network = from ? network_like(from->network, options) : network_of(options);
  set_precision(options, config.network);
  check(config.network);
  const int64_t batch = options.batch.value_or(default_batch(options.device, options.size));
  if (batch < 1 || batch > 65536) fail_field("batch", "{}: give 1 to 65536 crops", batch);
  const double peak = options.learning_rate.value_or(default_learning_rate(batch, from != nullptr));
  if (!(peak >= 1e-9 && peak <= 1)) fail_field("learning_rate", "{:g}: give 1e-09 to 1", peak);
  config.loss = parse_loss(options.loss);
  check(config.loss, options.size);
  config.corruption = options.corruption;
  config.max_side = options.max_side;
  if (!options.pairs.empty()) {
    if (!options.validation.empty())
      fail_field("validation", "{}: a tenth of the pairs is validated on", options.validation);
    config.corruption = no_corruption();
    config.max_side = 0;
  }
  config.schedule.peak = peak;
  // The run can be resumed and evaluated from anywhere.
  config.dataset = absolute_dataset(options.dataset);
  config.validation = absolute_dataset(options.validation);
  config.given = absolute_dataset(options.pairs);
  if (from) config.from = std::filesystem::absolute(options.from).lexically_normal().string();
  config.batch = batch;
  config.shards = options.shards == 0 ? ranks : options.shards;
  config.seed = options.seed;
  return config;
}

FeatureNetwork features_of(const TrainingOptions& options, const LossSpec& loss) {
  FeatureNetwork features;
  const bool perceptual = loss.has(LossKind::perceptual);
  if (!options.features.empty()) {
    if (!perceptual)
      fail_field("features", "is for a loss with perceptual, as in mse+0.1*perceptual");
    features = load_features(options.features);
  }
  if (perceptual)
    check_features_fit(features.widths.empty() ? kFeatureWidths : features.widths, options.size);
  return features;
}

// The ranks that share a run, for as long as it lasts.
struct Ranks {
  std::unique_ptr<Communicator> all;
  std::unique_ptr<GpuRanks> gpus;  // gone before those by whom they met
};

TrainingBudget budget_of(const TrainingOptions& options) {
  return options.budget == TrainingBudget{} ? TrainingBudget{.seconds = kDefaultSeconds}
                                            : options.budget;
}

template <class Options>
Ranks joined(const Options& options, SessionOptions& session) {
  check_field("patience", options.patience, kLeastPatience, 1e9);
  Ranks ranks;
  if (options.across_ranks) ranks.all = join_ranks(options.patience);
  if (ranks.all && options.device == Device::cuda)
    ranks.gpus = std::make_unique<GpuRanks>(*ranks.all);
  session.ranks = ranks.all.get();
  session.gpus = ranks.gpus.get();
  return ranks;
}

}  // namespace

RunConfig configured(const TrainingOptions& options) {
  std::optional<RunConfig> from;
  if (!options.from.empty()) from = read_trained_config(options.from);
  RunConfig config = config_of(options, from ? &*from : nullptr, 1);
  features_of(options, config.loss);
  check(budget_of(options), false);
  check({.shards = config.shards}, config.batch);
  return config;
}

TrainingOutcome train(const TrainingOptions& options, TrainingObserver& observer,
                      const std::stop_token& stop) {
  use_for_networks(options.device);
  SessionOptions session;
  const Ranks ranks = joined(options, session);
  std::optional<TrainedNetwork> from;
  if (!options.from.empty()) from = open_trained_network(options.from, options.device);
  session.config =
      config_of(options, from ? &from->config : nullptr, ranks.all ? ranks.all->size() : 1);
  if (from && !from->note.empty() && (!ranks.all || ranks.all->rank() == 0))
    observer.noted(from->note);
  if (from) session.first_weights = std::move(from->weights);
  session.device = options.device;
  session.budget = budget_of(options);
  session.out = options.out;
  session.save_every = options.save_every;
  session.profile = options.profile;
  session.features = features_of(options, session.config.loss);
  return run_session(session, observer, stop);
}

TrainingOutcome train(const TrainingOptions& options, const std::stop_token& stop) {
  TrainingObserver nobody;
  return train(options, nobody, stop);
}

TrainingOutcome resume_training(const std::filesystem::path& run, const ResumeOptions& options,
                                TrainingObserver& observer, const std::stop_token& stop) {
  use_for_networks(options.device);
  SessionOptions session;
  const Ranks ranks = joined(options, session);
  session.device = options.device;
  session.budget = options.budget;
  session.out = run;
  session.resume = true;
  session.config.dataset = absolute_dataset(options.dataset);
  session.config.validation = absolute_dataset(options.validation);
  session.config.given = absolute_dataset(options.pairs);
  session.save_every = options.save_every;
  session.profile = options.profile;
  return run_session(session, observer, stop);
}

TrainingOutcome resume_training(const std::filesystem::path& run, const ResumeOptions& options,
                                const std::stop_token& stop) {
  TrainingObserver nobody;
  return resume_training(run, options, nobody, stop);
}

}  // namespace dae
