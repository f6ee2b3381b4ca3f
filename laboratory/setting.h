// Which runs the five questions are answered from: the laboratory's settings.
#pragma once

#include <string>
#include <vector>

#include "laboratory/edge_study.h"
#include "laboratory/material.h"
#include "record/run_config.h"

namespace dae {

struct LabSetting {
  std::string name;
  int64_t size = 32, width = 16, blocks = 1, batch = 16;
  int64_t steps = 1000;  // T, of a run that is not said to be longer
  double rate = 1e-3;    // at 2e-3 some unets have spikes in their loss that they do not get over
  int seeds = 3;
  int64_t views = 4;  // restored of every held-out picture
  int64_t judge_steps = kJudgeSteps;
  int64_t pca_crops = 20000;        // that PCA is fitted to, drawn anew for every seed
  std::vector<int64_t> latents;     // of question 2
  std::vector<std::string> losses;  // of question 4, beside mse
  double seconds = 0;               // of question 4's runs of equal time; 0: there are none
  EdgeStudyOptions edges = {};      // question 1
};

// "small", "full" or "large". Throws UsageError naming --train for anything else.
LabSetting find_setting(const std::string& name);

// One network, trained once for every seed.
struct LabRun {
  std::string name;  // "unet-l1"; its folders are unet-l1-1, unet-l1-2, ...
  RunConfig config;  // but for dataset and seed
  int64_t steps = 0;
  double seconds = 0;  // where there are no steps
};

// All of them, the most telling first.
std::vector<LabRun> runs_of(const LabSetting& setting);

// Channels of the top level of a unet without skips whose latent holds so many numbers; 0: there is
// no such unet.
int64_t unet_width(const LabSetting& setting, int64_t latent);

// The names by which questions ask for runs.
namespace lab {
inline constexpr const char* kUnet = "unet";  // by mse, for T steps: what others are held against
inline constexpr const char* kUnet2T = "unet-2T";
inline constexpr const char* kUnet4T = "unet-4T";
inline constexpr const char* kNoSkips = "unet-no-skips";
inline constexpr const char* kNotResidual = "unet-not-residual";
inline constexpr const char* kBottleneck = "unet-bottleneck";  // neither
inline constexpr const char* kDense = "fc";
inline constexpr const char* kWide = "unet-wide";
std::string loss_run(const std::string& loss, bool equal_seconds = false);
std::string clean_run(const std::string& model, int64_t latent);  // of question 2
std::string pca(int64_t rank);  // not trained, but asked for as if it were a run
inline constexpr const char* kCleanSkips = "clean-unet-skips";
inline constexpr const char* kNoiseAlone = "only-noise";
inline constexpr const char* kBlurAlone = "only-blur";
inline constexpr const char* kLightAlone = "only-light";  // brightness and colour
inline constexpr const char* kCamera = "camera-order";
}  // namespace lab

// What questions test under. Strengths of noise are in units of 1/255, of blur in pixels.
CorruptSpec noise_of(float sigma);
CorruptSpec blur_of(float sigma);
CorruptSpec light_alone();
CorruptSpec camera_order();

}  // namespace dae
