// train_cuda: trains a denoising autoencoder on a folder of photographs.
#include <dae/training.h>

#include <optional>
#include <string>

#include "exchange/tensorboard.h"
#include "model/shards.h"
#include "record/run_folder.h"
#include "restore/trained_network.h"
#include "ranks/join.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "tools/resumed_options.h"
#include "tools/training_console.h"
#include "train/budget.h"

namespace {

constexpr const char* kAbout =
    "Trains an autoencoder to restore photographs: pictures from --dataset are cropped, corrupted "
    "on\n"
    "the fly (noise, blur, brightness, colour) and restored by a network that learns to undo it.\n"
    "Everything lands in one run folder; open its report.html.\n\n"
    "  train_cuda --dataset photos/                       five minutes of the default network\n"
    "  train_cuda --dataset photos/ --time 3600 --out runs/long\n"
    "  train_cuda --resume --out runs/long --time 3600     an hour more\n"
    "  train_cuda --dataset photos/ --loss mse+0.1*ssim   a weighted sum of losses\n"
    "  train_cuda --dataset clean/ --pairs noisy/ --from shipped   your camera's own noise\n"
    "  train_cuda --dataset photos/ --from shipped --noise 10:20    the network that ships, "
    "further\n"
    "  train_cuda --dataset synthetic --model conv --steps 500 --brightness off --channel off\n"
    "  mpirun -np 4 train_cuda --dataset photos/ --threads 1        four processes share each step";

// "on" or "off" where it was given.
std::optional<bool> switch_of(const char* option, const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(dae::parse_switch(option, text));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(kAbout);
  TrainingOptions options;
  DeviceOptions device;
  CorruptionOptions corruption;
  std::string from, skips, global, residual, noise_input, out, features;
  bool resume = false, tensorboard = false;

  app.add_option("--dataset", options.dataset,
                 "folder of images and of tar archives of them (searched recursively), one such "
                 "archive, CIFAR-10 binary folder, or `synthetic`");
  app.add_option("--val", options.validation, "dataset to validate on [a tenth of --dataset]");
  app.add_option("--pairs", options.pairs,
                 "folder of noisy pictures, each with the name and size of its clean partner in "
                 "--dataset: learn from these, not from the corruption");
  app.add_option(
      "--from", from,
      "run folder, network file or the word `shipped`: start from that network's weights, "
      "corrupting as it was trained unless told otherwise");
  app.add_option("--model", options.model, "unet, conv or fc [unet]")
      ->check(CLI::IsMember({"unet", "conv", "fc"}));
  device.add_to(app);
  app.add_option("--precision", options.precision,
                 "what layers compute in: bf16 (cuda only) or fp32, which is never TF32 [bf16 on "
                 "cuda, fp32 on the CPU]")
      ->check(CLI::IsMember({"bf16", "fp32"}));
  app.add_option("--size", options.size, "training crops in pixels, a multiple of 8")
      ->capture_default_str();
  app.add_option("--batch", options.batch, "crops a step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--shards", options.shards,
                 "parts of a batch whose gradients are computed apart and added in one order: the "
                 "same bits on any number of ranks that divides them [the ranks]")
      ->check(CLI::Range(int64_t{1}, kMostShards));
  app.add_option("--patience", options.patience,
                 "seconds without a sign of life after which a rank is given up, and the run")
      ->check(number_between(kLeastPatience, 1e9))
      ->capture_default_str();
  auto* const time = app.add_option("--time", options.budget.seconds,
                                    "seconds in all, once the pictures are read [300]")
                         ->check(number_between(0.1, 1e9));
  auto* const steps =
      app.add_option("--steps", options.budget.steps, "steps in all, instead of --time")
          ->check(CLI::Range(int64_t{1}, kMostSteps))
          ->excludes(time);
  app.add_option("--epochs", options.budget.epochs, "as many crops as this many times the images")
      ->check(number_between(1e-9, 1e9))
      ->excludes(time)
      ->excludes(steps);
  app.add_option("--lr", options.learning_rate, "peak learning rate [2e-3; with --from 5e-4]")
      ->check(number_between(1e-9, 1));
  app.add_option(
         "--loss", options.loss,
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
  app.add_option("--width", options.width, "unet: channels of the top level")->default_str("32");
  app.add_option("--blocks", options.blocks, "unet: residual blocks a level")->default_str("2");
  app.add_option("--levels", options.levels, "unet: of half the size each")->default_str("3");
  app.add_option("--stem", options.stem,
                 "unet: 2: the top level works at half the picture's size; 1: at its whole size")
      ->default_str("2");
  app.add_option("--latent", options.latent,
                 "fc, conv: numbers in the latent [fc 512, conv 128 per 8x8 pixels]");
  app.add_option("--skips", skips, "unet: on or off [on]");
  app.add_option("--global", global, "unet: the path that sets brightness and colour [on]");
  app.add_option("--residual", residual, "unet: add the input to the output [on]");
  app.add_option(
      "--noise-input", noise_input,
      "unet: tell it the level of each crop's noise, so that denoise --sigma and --strength can "
      "[off]");
  corruption.add_to(app);
  app.add_option("--max-side", options.max_side, "shrink larger pictures to this; 0 keeps them")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  add_seed(app, options.seed, "of everything random");
  app.add_option("--out", out, "run folder [runs/DATE-TIME-MODEL]");
  app.add_option("--save-every", options.save_every,
                 "seconds from one checkpoint to the next: the most that a crash can cost")
      ->check(number_between(0, 1e9))
      ->capture_default_str();
  app.add_flag("--resume", resume,
               "continue the run in --out, as it is configured: options may be given again, and "
               "--dataset says where its pictures lie now");
  app.add_flag("--profile", options.profile, "end with a table of time, bytes and FLOPs per op");
  app.add_flag("--tensorboard", tensorboard,
               "tell TensorBoard of the progress, in the run folder's tensorboard/: "
               "`tensorboard --logdir runs/` shows runs side by side");

  return run_program("train_cuda", app, argc, argv, [&] {
    const bool writes = launch_of_environment().rank == 0;  // the others say nothing
    if (!writes) catch_interrupts();  // rank 0 decides when a run stops, and saves it
    options.device = device.apply();
    options.across_ranks = true;
    std::stop_source stop;
    TrainingConsole console(stop);
    TensorBoard board(console);
    TrainingObserver& observer =
        tensorboard && writes ? static_cast<TrainingObserver&>(board) : console;
    TrainingOutcome outcome;
    if (resume) {
      if (out.empty()) fail_usage("--resume: say which run with --out RUN");
      if (writes) refuse_contradictions(app, out);
      outcome = resume_training(out,
                                {.budget = options.budget,
                                 .dataset = options.dataset,
                                 .validation = options.validation,
                                 .pairs = options.pairs,
                                 .device = options.device,
                                 .save_every = options.save_every,
                                 .profile = options.profile,
                                 .across_ranks = true,
                                 .patience = options.patience},
                                observer, stop.get_token());
    } else {
      if (options.dataset.empty())
        fail_usage("give --dataset: a folder of images, or `synthetic` to try it without any");
      if (writes && !out.empty() && !RunFolder::is_free(out))
        fail_usage(
            "--out {}: exists already; give another folder, or --resume to continue that run", out);
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
      options.out = out;
      outcome = train(options, observer, stop.get_token());
    }
    if (!writes) return 0;
    console.clear();
    print_outcome(outcome);
    return outcome.step < outcome.last_step ? 130 : 0;
  });
}
