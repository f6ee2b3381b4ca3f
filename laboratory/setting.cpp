#include "laboratory/setting.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"

namespace dae {
namespace {

constexpr Range kOff{0, 0, false};

// Two cores, half an hour. What it leaves out reads "full setting only".
LabSetting small() {
  LabSetting s;
  s.name = "small";
  s.latents = {128, 2048};
  s.losses = {"l1", "mse+0.1*ssim", "mse+ssim", "mse+0.1*dct", "mse+0.3*perceptual"};
  return s;
}

// The same networks for longer, and nothing left out: two cores, under two hours.
LabSetting full() {
  LabSetting s = small();
  s.name = "full";
  s.steps = 3000;
  s.latents = {32, 128, 512, 2048};
  s.losses.emplace_back("mse+ms_ssim");
  s.seconds = 40;
  return s;
}

// A GPU, a day.
LabSetting large() {
  LabSetting s = full();
  s.name = "large";
  s.size = 64;
  s.width = 32;
  s.blocks = 2;
  s.steps = 20000;
  s.seeds = 5;
  s.seconds = 300;
  return s;
}

RunConfig config_of(const LabSetting& s) {
  RunConfig c;
  c.network = {.kind = NetworkKind::unet, .size = s.size, .width = s.width, .blocks = s.blocks};
  c.adam.beta2 = 0.999f;  // as when quality/findings/ were measured
  c.schedule.peak = s.rate;
  c.batch = s.batch;
  return c;
}

// Channels of a feature map of `latent` numbers at the eighth of the size; 0: there is none.
int64_t channels_of(const LabSetting& s, int64_t latent) {
  const int64_t pixels = (s.size / 8) * (s.size / 8);
  return latent % pixels == 0 ? latent / pixels : 0;
}

// Without corruption or anything that leads around the latent.
void add_clean_runs(const LabSetting& s, std::vector<LabRun>& runs) {
  const auto add = [&](const std::string& name, const NetworkConfig& network) {
    RunConfig c = config_of(s);
    c.network = network;
    c.corruption = no_corruption();
    runs.push_back({name, c, s.steps});
  };
  NetworkConfig unet = config_of(s).network;
  unet.residual = unet.global = false;
  unet.width = unet_width(s, s.latents.back());
  add(lab::kCleanSkips, unet);
  unet.skips = false;
  for (const int64_t latent : s.latents) {
    add(lab::clean_run("fc", latent), {.kind = NetworkKind::fc, .size = s.size, .latent = latent});
    const int64_t channels = channels_of(s, latent);
    if (channels > 0)
      add(lab::clean_run("conv", latent),
          {.kind = NetworkKind::conv, .size = s.size, .latent = latent});
    unet.width = unet_width(s, latent);
    if (unet.width > 0) add(lab::clean_run("unet", latent), unet);
  }
}

}  // namespace

int64_t unet_width(const LabSetting& s, int64_t latent) {
  const int64_t channels = channels_of(s, latent);
  return channels % 8 == 0 ? channels / 8 : 0;  // the lowest level is eight times as wide
}

LabSetting find_setting(const std::string& name) {
  if (name == "small") return small();
  if (name == "full") return full();
  if (name == "large") return large();
  fail_usage("--train {}: there is no such setting; give small, full or large", name);
}

// For a folder's name: "unet-mse-0.1xssim".
std::string lab::loss_run(const std::string& loss, bool equal_seconds) {
  std::string name = loss;
  std::replace(name.begin(), name.end(), '+', '-');
  std::replace(name.begin(), name.end(), '*', 'x');
  return fmt::format("unet-{}{}", name, equal_seconds ? "-seconds" : "");
}
std::string lab::pca(int64_t rank) {
  return clean_run("pca", rank);
}
std::string lab::clean_run(const std::string& model, int64_t latent) {
  return fmt::format("clean-{}-{}", model, latent);
}

std::vector<LabRun> runs_of(const LabSetting& s) {
  std::vector<LabRun> runs;
  const RunConfig base = config_of(s);
  const auto add = [&](const std::string& name, const auto& change, int64_t steps) {
    RunConfig c = base;
    change(c);
    runs.push_back({name, c, steps});
  };
  const auto same = [](RunConfig&) {};
  add(lab::kUnet, same, s.steps);
  for (const std::string& loss : s.losses)
    add(
        lab::loss_run(loss), [&](RunConfig& c) { c.loss = parse_loss(loss); }, s.steps);
  add(
      lab::kNoSkips, [](RunConfig& c) { c.network.skips = false; }, s.steps);
  add(
      lab::kNotResidual, [](RunConfig& c) { c.network.residual = false; }, s.steps);
  add(
      lab::kBottleneck, [](RunConfig& c) { c.network.skips = c.network.residual = false; },
      s.steps);
  add(
      lab::kDense,
      [](RunConfig& c) { c.network = {.kind = NetworkKind::fc, .size = c.network.size}; }, s.steps);
  add(lab::kUnet2T, same, 2 * s.steps);
  add_clean_runs(s, runs);
  add(
      lab::kNoiseAlone,
      [](RunConfig& c) {
        c.corruption.blur = c.corruption.brightness = c.corruption.channel = kOff;
      },
      s.steps);
  add(
      lab::kBlurAlone,
      [](RunConfig& c) {
        c.corruption.noise = c.corruption.brightness = c.corruption.channel = kOff;
      },
      s.steps);
  add(
      lab::kLightAlone, [](RunConfig& c) { c.corruption = light_alone(); }, s.steps);
  add(
      lab::kCamera, [](RunConfig& c) { c.corruption = camera_order(); }, s.steps);
  add(lab::kUnet4T, same, 4 * s.steps);
  add(
      lab::kWide, [](RunConfig& c) { c.network.width *= 2; }, s.steps);
  if (s.seconds > 0) {
    std::vector<std::string> losses = s.losses;
    losses.insert(losses.begin(), "mse");
    for (const std::string& loss : losses) {
      RunConfig c = base;
      c.loss = parse_loss(loss);
      runs.push_back({lab::loss_run(loss, true), c, 0, s.seconds});
    }
  }
  return runs;
}

CorruptSpec noise_of(float sigma) {
  CorruptSpec spec = no_corruption();
  spec.noise = {sigma, sigma};
  return spec;
}
CorruptSpec blur_of(float sigma) {
  CorruptSpec spec = no_corruption();
  spec.blur = {sigma, sigma};
  return spec;
}
CorruptSpec light_alone() {
  CorruptSpec spec;
  spec.noise = spec.blur = kOff;
  return spec;
}
CorruptSpec camera_order() {
  CorruptSpec spec;
  spec.order = Order::camera;
  return spec;
}

}  // namespace dae
