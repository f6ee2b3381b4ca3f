// Is it the loss? Edges under noise, for which the best answers are known exactly, and two networks
// trained on them, by squared and by absolute error: how far from the best answer each is, and how
// blurred the best answers are themselves.
//
// The picture is one upright edge at one of 257 places 1/32 of a pixel apart over the middle half
// of 16x16 pixels, bright to the right or to the left (training flips), all 514 equally likely;
// under Gaussian noise, neither clipped nor rounded. A row of one channel sees the edge once, so
// H = 3 * 16 looks at it are averaged, and all that matters is the strength, contrast * sqrt(H) /
// sigma. Places a quarter pixel apart would do for the mean, but the median is a staircase of so
// many steps a pixel, which no network climbs: at strength 8 the median for places at any shift is
// above that staircase by 4.8% in absolute error with 8 places a pixel, 1.0% with 16 and 0.25%
// with 32.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "laboratory/measures/interval.h"
#include "laboratory/measures/transfer.h"
#include "train/trainer.h"

namespace dae {

inline constexpr int64_t kEdgeSide = 16;
inline constexpr int kEdgesPerPixel = 32;
inline constexpr int kEdgePlaces = kEdgeSide / 2 * kEdgesPerPixel + 1;
inline constexpr double kEdgeStrengths[] = {0.5, 1, 2, 4, 8};  // contrast * sqrt(H) / sigma

struct EdgeStudyOptions {
  Device device = Device::cpu;
  // fc, whose first layers are switched by ReLUs before rows are averaged, comes within 10% of the
  // best answer with ten times the arithmetic; a dense first layer, whose weights all see the mean
  // grey of all pixels, needs steps ten times as small.
  NetworkConfig network = {.kind = NetworkKind::mlp, .size = kEdgeSide, .width = 8, .latent = 128};
  // At a peak of 5e-3 most of the L1 networks' units die (laboratory/findings/README.md), 1e-3 is too slow.
  Schedule schedule = {.peak = 3e-3, .warmup = 600, .total = 18000};  // by squared error
  // By absolute error it is so many times as long: its slope does not shrink towards its minimum.
  uint64_t l1_factor = 3;
  int64_t batch = 264;
  int64_t rounds = 128;  // of 66 pictures, each with its own noise: what is measured
  uint64_t seed = 1;
  // Where networks are kept and found again; empty: nowhere.
  std::filesystem::path folder = {};
  // False ends the training.
  std::function<bool(double strength, LossKind loss, int64_t step)> progress = {};
};

// One way to answer: how wrong and how blurred it is.
struct EdgeAnswer {
  std::string name;
  double mse = 0, absolute = 0;  // mean squared and absolute error
  std::vector<RadialBand> bands;
  Jackknife variance;  // of the effective blur, pixel^2
};

struct EdgePoint {
  double strength = 0, contrast = 0, sigma = 0;  // the latter two in pixel values, [0, 1]
  double mmse = 0;                               // E[Var(x | y)], squared error of the mean
  double least_absolute = 0;                     // expected absolute error of the median
  Jackknife mse_excess;  // E|f - E[x | y]|^2 / mmse of the network trained by squared error
  Jackknife l1_excess;   // the other's expected absolute error above least_absolute, as its share
  EdgeAnswer mean, median, by_mse, by_l1;
};

// As long as training by this loss is.
Schedule schedule_of(const EdgeStudyOptions& options, LossKind loss);

// Trains a network by each loss at this strength, where the folder has none that was trained so,
// and measures them. Nothing when `progress` ended it.
std::optional<EdgePoint> study_edge(const EdgeStudyOptions& options, double strength);

}  // namespace dae
