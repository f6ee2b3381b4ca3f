// train_cuda: trains a denoising autoencoder on a folder of photographs.
#include "record/feature_file.h"
#include "runtime/error.h"
#include "tools/program.h"
#include "train/training.h"

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
    "  train_cuda --dataset synthetic --model conv --steps 500 --brightness off --channel off";

constexpr double kDefaultSeconds = 300;

}  // namespace

int main(int argc, char** argv) {
  using namespace dae;
  CLI::App app(kAbout);
  TrainingOptions options;
  RunConfig& config = options.config;
  NetworkConfig& network = config.network;
  DeviceOptions device;
  CorruptionOptions corruption;
  std::string model = "unet", loss = "mse", skips = "on", global = "on", residual = "on", precision;
  double learning_rate = 0;
  int64_t latent = 0;
  std::string out, features;

  app.add_option("--dataset", config.dataset,
                 "folder of images (searched recursively), CIFAR-10 binary folder, or `synthetic`");
  app.add_option("--val", config.validation, "dataset to validate on [a tenth of --dataset]");
  app.add_option("--model", model, "unet, conv or fc")
      ->check(CLI::IsMember({"unet", "conv", "fc"}))
      ->capture_default_str();
  device.add_to(app);
  app.add_option("--precision", precision,
                 "what layers compute in: bf16 (cuda only) or fp32, which is never TF32 [bf16 on "
                 "cuda, fp32 on the CPU]")
      ->check(CLI::IsMember({"bf16", "fp32"}));
  app.add_option("--size", network.size, "training crops in pixels, a multiple of 8")
      ->capture_default_str();
  app.add_option("--batch", config.batch, "crops a step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  auto* const time =
      app.add_option("--time", options.seconds, "seconds in all, once the pictures are read [300]")
          ->check(number_between(0.1, 1e9));
  auto* const steps = app.add_option("--steps", options.steps, "steps in all, instead of --time")
                          ->check(CLI::Range(int64_t{1}, kMostSteps))
                          ->excludes(time);
  app.add_option("--epochs", options.epochs, "as many crops as this many times the images")
      ->check(number_between(1e-9, 1e9))
      ->excludes(time)
      ->excludes(steps);
  auto* const rate = app.add_option("--lr", learning_rate, "peak learning rate [0.002]")
                         ->check(number_between(1e-9, 1));
  app.add_option(
         "--loss", loss,
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
  app.add_option("--width", network.width, "unet: channels of the top level")
      ->capture_default_str();
  app.add_option("--blocks", network.blocks, "unet: residual blocks a level")
      ->capture_default_str();
  auto* const latent_option = app.add_option(
      "--latent", latent, "fc, conv: numbers in the latent [fc 512, conv 128 per 8x8 pixels]");
  app.add_option("--skips", skips, "unet: on or off [on]");
  app.add_option("--global", global, "unet: the path that sets brightness and colour [on]");
  app.add_option("--residual", residual, "unet: add the input to the output [on]");
  corruption.add_to(app);
  app.add_option("--max-side", config.max_side, "shrink larger pictures to this; 0 keeps them")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  add_seed(app, config.seed, "of everything random");
  app.add_option("--out", out, "run folder [runs/DATE-TIME-MODEL]");
  app.add_flag("--resume", options.resume, "continue the run in --out, as it is configured");
  app.add_flag("--profile", options.profile, "end with a table of time, bytes and FLOPs per op");

  return run_program("train_cuda", app, argc, argv, [&] {
    options.device = device.apply();
    options.out = out;
    if (options.resume) {
      if (out.empty()) fail_usage("--resume: say which run with --out RUN");
      refuse_other_options(app,
                           {"--resume", "--out", "--time", "--steps", "--epochs", "--threads",
                            "--device", "--profile"},
                           "cannot be changed by --resume; start a new run for that");
      return train(options);
    }
    if (config.dataset.empty())
      fail_usage("give --dataset: a folder of images, or `synthetic` to try it without any");
    // Absolute, so that the run can be resumed and evaluated from anywhere.
    for (std::string* path : {&config.dataset, &config.validation})
      if (!path->empty() && *path != "synthetic")
        *path = std::filesystem::absolute(*path).lexically_normal().string();
    if (options.seconds == 0 && options.steps == 0 && options.epochs == 0)
      options.seconds = kDefaultSeconds;
    network.kind = model == "fc"     ? NetworkKind::fc
                   : model == "conv" ? NetworkKind::conv
                                     : NetworkKind::unet;
    if (network.kind == NetworkKind::unet) {
      if (latent_option->count()) fail_usage("--latent: unet has none; it is for fc and conv");
    } else {
      refuse_options(app, {"--skips", "--global", "--residual", "--width", "--blocks"},
                     "is for --model unet");
    }
    network.skips = parse_switch("--skips", skips);
    network.global = parse_switch("--global", global);
    network.residual = parse_switch("--residual", residual);
    if (latent_option->count())
      network.latent = latent;
    else if (network.kind == NetworkKind::conv)
      network.latent = 128 * (network.size / 8) * (network.size / 8);
    if (precision == "bf16" && options.device == Device::cpu)
      fail_usage("--precision bf16: the CPU computes in fp32");
    if (options.device == Device::cuda && precision != "fp32") network.dtype = DType::bf16;
    check(network);
    config.loss = parse_loss(loss);
    check(config.loss, network.size);
    const bool perceptual = config.loss.has(LossKind::perceptual);
    if (!features.empty()) {
      if (!perceptual)
        fail_usage("--features: it is for a --loss with perceptual, as in mse+0.1*perceptual");
      options.features = load_features(features);
    }
    if (perceptual)
      check_features_fit(features.empty() ? kFeatureWidths : options.features.widths, network.size);
    config.corruption = corruption.apply({});
    if (rate->count()) config.schedule.peak = learning_rate;
    return train(options);
  });
}
