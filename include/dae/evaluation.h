// How well a trained network restores pictures, in numbers: everything it is trained on together
// and each corruption alone, beside what doing nothing and simple corrections reach.
#pragma once

#include <dae/corruption.h>
#include <dae/device.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dae {

// All measures of one picture against the clean one; quality/README.md defines them. `aligned` is
// after the best factor a channel has been taken out: one picture does not tell its exposure.
struct Scores {
  double mse = 0, psnr = 0, ssim = 0;
  double aligned_mse = 0, aligned_psnr = 0, aligned_ssim = 0;
  double brightness_error = 0, colour_error = 0;  // percent
  double ciede2000 = 0;                           // between mean colours
};

// Over many pictures. The PSNR of an exact restoration is infinite: the means of PSNR leave such
// pictures out, and are infinite when all are exact. SSIM is the mean over pictures large enough to
// have one, and NaN if none is.
struct Summary {
  int64_t images = 0;
  int64_t exact = 0, aligned_exact = 0;  // those that the means of psnr and aligned_psnr leave out
  Scores mean;
  double pooled_psnr = 0;  // PSNR of the mean of the pictures' MSE
  double pooled_aligned_psnr = 0;
};

struct EvaluationRow {
  std::string name;  // "all", "noise", "blur", "brightness", "channel", "clean"; or "sigma"
  // Doing nothing; the network; grey-world (each channel scaled to the mean of all clean views);
  // and dividing by the gains that were really drawn, which no program can know.
  Summary corrupted, restored, grey_world, true_gain;
};

struct Evaluation {
  std::string dataset;
  int64_t pictures = 0;    // of the dataset, that views were taken of
  int64_t trained_on = 0;  // those among them that the network has seen: they flatter it
  int64_t views = 0;
  int64_t max_side = 0;    // larger pictures were shrunk to this; 0: none were
  std::string view_size;   // "64x64 crops", "whole pictures"
  std::string noise_clip;  // for the sigma row: "on" or "off"
  // In the order above, without corruptions that are left out; with options.sigma that row alone.
  std::vector<EvaluationRow> rows;
  std::vector<std::string> left_out;  // files that cannot be read, and why, a line each
  std::string note;  // for people, or empty: that an older checkpoint stands in for a damaged one
};

struct EvaluationOptions {
  Device device = best_device();
  std::string dataset = {};  // as TrainingOptions::dataset; empty: what the run held out
  std::optional<int64_t> max_side =
      {};  // larger pictures are shrunk to this, by 0 none; no value: the run's
  std::optional<CorruptSpec> corruption = {};  // no value: the run's
  std::optional<double> sigma = {};  // one row alone: Gaussian noise of this strength, of 255
  bool whole_pictures = false;       // instead of crops of the training size
  int64_t views_per_image = 4;       // crops; a picture smaller than a crop is padded
  int64_t most_views = 512;
  uint64_t seed = 1;  // of what is drawn
  // Called on the calling thread with what is going on ("reading photos/", "noise") and how far it
  // is; false ends the call, which throws Cancelled.
  std::function<bool(const std::string& what, size_t done, size_t total)> progress = {};
};

// Of the network in a run folder or a file of its own. Depends on the options and the pictures alone. Throws FieldError,
// Cancelled, and Error when the run, the pictures or the device cannot be used.
Evaluation evaluate(const std::filesystem::path& run, const EvaluationOptions& options = {});

}  // namespace dae
