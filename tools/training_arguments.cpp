#include "tools/training_arguments.h"

#include <optional>

#include "model/shards.h"
#include "restore/trained_network.h"
#include "runtime/error.h"
#include "train/budget.h"

namespace dae {
namespace {

// "on" or "off" where it was given.
std::optional<bool> switch_of(const char* option, const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(parse_switch(option, text));
}

}  // namespace

void TrainingArguments::add_to(CLI::App& app, const std::string& of_the_seed) {
  app.add_option("--dataset", given.dataset,
                 "folder of images and of tar archives of them (searched recursively), one such "
                 "archive, CIFAR-10 binary folder, or `synthetic`");
  app.add_option("--val", given.validation, "dataset to validate on [a tenth of --dataset]");
  app.add_option("--pairs", given.pairs,
                 "folder of noisy pictures, each with the name and size of its clean partner in "
                 "--dataset: learn from these, not from the corruption");
  app.add_option(
      "--from", from,
      "run folder, network file or the word `shipped`: start from that network's weights, "
      "corrupting as it was trained unless told otherwise");
  app.add_option("--model", given.model, "unet, conv or fc [unet]")
      ->check(CLI::IsMember({"unet", "conv", "fc"}));
  app.add_option("--precision", given.precision,
                 "what layers compute in: bf16 (cuda only) or fp32, which is never TF32 [bf16 on "
                 "cuda, fp32 on the CPU]")
      ->check(CLI::IsMember({"bf16", "fp32"}));
  app.add_option("--size", given.size, "training crops in pixels, a multiple of 8")
      ->capture_default_str();
  app.add_option("--batch", given.batch,
                 "crops a step [16; on cuda 128 of 64x64 pixels, as many pixels of other sizes]")
      ->check(CLI::Range(1, 65536));
  app.add_option("--shards", given.shards,
                 "parts of a batch whose gradients are computed apart and added in one order: the "
                 "same bits on any number of ranks that divides them [the ranks]")
      ->check(CLI::Range(int64_t{1}, kMostShards));
  auto* const time = app.add_option("--time", given.budget.seconds,
                                    "seconds in all, once the pictures are read [300]")
                         ->check(number_between(0.1, 1e9));
  auto* const steps =
      app.add_option("--steps", given.budget.steps, "steps in all, instead of --time")
          ->check(CLI::Range(int64_t{1}, kMostSteps))
          ->excludes(time);
  app.add_option("--epochs", given.budget.epochs, "as many crops as this many times the images")
      ->check(number_between(1e-9, 1e9))
      ->excludes(time)
      ->excludes(steps);
  app.add_option(
         "--lr", given.learning_rate,
         "peak learning rate [2e-3; with --from 5e-4; times the root of --batch / 16, from 1 to 2]")
      ->check(number_between(1e-9, 1));
  app.add_option(
         "--loss", given.loss,
         "what to make small: mse, l1, ssim, ms_ssim, dct, perceptual, or a weighted sum such as "
         "mse+0.1*ssim. ssim and ms_ssim stand for 1 - the measure; dct is the mean size of "
         "the error's 8x8 frequencies, perceptual the squared error of what a second network "
         "sees. metrics.csv and report.html show each term with the "
         "size of its gradient: weights compare badly, 0.1*ssim can outweigh mse tenfold")
      ->capture_default_str();
  app.add_option("--features", features,
                 "perceptual: safetensors file of the network that judges, features.I.weight "
                 "{filters, 3, 3, channels} and features.I.bias [one that is trained first, in "
                 "seconds, to tell corruptions of the run's own pictures apart]");
  app.add_option("--width", given.width, "unet: channels of the top level")->default_str("32");
  app.add_option("--blocks", given.blocks, "unet: residual blocks a level")->default_str("2");
  app.add_option("--levels", given.levels, "unet: of half the size each")->default_str("3");
  app.add_option("--stem", given.stem,
                 "unet: 2: the top level works at half the picture's size; 1: at its whole size")
      ->default_str("2");
  app.add_option("--latent", given.latent,
                 "fc, conv: numbers in the latent [fc 512, conv 128 per 8x8 pixels]");
  app.add_option("--skips", skips, "unet: on or off [on]");
  app.add_option("--global", global, "unet: the path that sets brightness and colour [on]");
  app.add_option("--residual", residual, "unet: add the input to the output [on]");
  app.add_option(
      "--noise-input", noise_input,
      "unet: tell it the level of each crop's noise, so that denoise --sigma and --strength can "
      "[off]");
  corruption.add_to(app);
  app.add_option("--max-side", given.max_side, "shrink larger pictures to this; 0 keeps them")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  add_seed(app, given.seed, of_the_seed);
  app.add_option("--save-every", given.save_every,
                 "seconds from one checkpoint to the next: the most that a crash can cost")
      ->check(number_between(0, 1e9))
      ->capture_default_str();
}

TrainingOptions TrainingArguments::apply(const CLI::App& app) const {
  if (given.dataset.empty())
    fail_usage("give --dataset: a folder of images, or `synthetic` to try it without any");
  TrainingOptions options = given;
  options.skips = switch_of("--skips", skips);
  options.global = switch_of("--global", global);
  options.residual = switch_of("--residual", residual);
  options.noise_input = switch_of("--noise-input", noise_input);
  CorruptSpec otherwise;
  if (!from.empty()) {
    options.from = named_network(from);
    otherwise = read_trained_config(options.from).corruption;
  }
  if (!options.pairs.empty())
    refuse_corruption(app, {"--clip", "--quantize", "--max-side"},
                      "says how pictures are corrupted, and --pairs brings them as they are");
  options.corruption = corruption.apply(otherwise);
  options.features = features;
  return options;
}

}  // namespace dae
