// The face's side of training: options become the configuration of a run.
#include <dae/training.h>

#include <filesystem>

#include "data/dataset.h"
#include "record/engine_file.h"
#include "record/feature_file.h"
#include "runtime/error.h"
#include "train/session.h"

namespace dae {
namespace {

constexpr double kDefaultSeconds = 300;

NetworkKind kind_of(const std::string& model) {
  for (const NetworkKind kind : {NetworkKind::unet, NetworkKind::conv, NetworkKind::fc})
    if (model == name_of(kind)) return kind;
  fail_field("model", "{}: give unet, conv or fc", model);
}

NetworkConfig network_of(const TrainingOptions& options) {
  NetworkConfig network;
  network.kind = kind_of(options.model);
  network.size = options.size;
  const bool unet = network.kind == NetworkKind::unet;
  const auto of_unet = [&](const char* field, const auto& given, auto& value) {
    if (!given) return;
    if (!unet) fail_field(field, "is for the model unet");
    value = *given;
  };
  of_unet("width", options.width, network.width);
  of_unet("blocks", options.blocks, network.blocks);
  if (unet) {
    network.levels = 3;
    network.stem = 2;
  }
  of_unet("levels", options.levels, network.levels);
  of_unet("stem", options.stem, network.stem);
  of_unet("skips", options.skips, network.skips);
  of_unet("global", options.global, network.global);
  of_unet("residual", options.residual, network.residual);
  if (options.latent) {
    if (unet) fail_field("latent", "is for fc and conv: unet has none");
    network.latent = *options.latent;
  } else if (network.kind == NetworkKind::conv) {
    network.latent = 128 * (network.size / 8) * (network.size / 8);
  }
  if (!options.precision.empty() && options.precision != "bf16" && options.precision != "fp32")
    fail_field("precision", "{}: give bf16 or fp32", options.precision);
  if (options.precision == "bf16" && options.device == Device::cpu)
    fail_field("precision", "bf16: the CPU computes in fp32");
  if (options.device == Device::cuda && options.precision != "fp32") network.dtype = DType::bf16;
  check(network);
  return network;
}

RunConfig config_of(const TrainingOptions& options) {
  if (options.dataset.empty())
    fail_field("dataset", "is missing: name a folder of images, or `synthetic`");
  if (options.batch < 1 || options.batch > 65536)
    fail_field("batch", "{}: give 1 to 65536 crops", options.batch);
  if (!(options.learning_rate >= 1e-9 && options.learning_rate <= 1))
    fail_field("learning_rate", "{:g}: give 1e-09 to 1", options.learning_rate);
  if (options.max_side < 0 || options.max_side > 65536)
    fail_field("max_side", "{}: give 0 to 65536 pixels", options.max_side);
  validate(options.corruption);
  RunConfig config;
  config.network = network_of(options);
  config.loss = parse_loss(options.loss);
  check(config.loss, options.size);
  config.corruption = options.corruption;
  config.schedule.peak = options.learning_rate;
  // The run can be resumed and evaluated from anywhere.
  config.dataset = absolute_dataset(options.dataset);
  config.validation = absolute_dataset(options.validation);
  config.max_side = options.max_side;
  config.batch = options.batch;
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

}  // namespace

TrainingOutcome train(const TrainingOptions& options, TrainingObserver& observer,
                      const std::stop_token& stop) {
  use_for_networks(options.device);
  SessionOptions session;
  session.config = config_of(options);
  session.device = options.device;
  session.budget = options.budget == TrainingBudget{} ? TrainingBudget{.seconds = kDefaultSeconds}
                                                      : options.budget;
  session.out = options.out;
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
  session.device = options.device;
  session.budget = options.budget;
  session.out = run;
  session.resume = true;
  session.config.dataset = absolute_dataset(options.dataset);
  session.config.validation = absolute_dataset(options.validation);
  session.profile = options.profile;
  return run_session(session, observer, stop);
}

TrainingOutcome resume_training(const std::filesystem::path& run, const ResumeOptions& options,
                                const std::stop_token& stop) {
  TrainingObserver nobody;
  return resume_training(run, options, nobody, stop);
}

}  // namespace dae
