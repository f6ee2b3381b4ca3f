// Is it the loss? Edges under noise, for which the best answers are known exactly, and a network
// trained on them: how far from the best answer it is, and how blurred the best answer is itself.
//
// The picture is one upright edge at one of 33 places a quarter pixel apart over the middle half of
// 16x16 pixels, bright to the right or to the left (training flips), all 66 equally likely; under
// Gaussian noise, neither clipped nor rounded. A row of one channel sees the edge once, so H = 3 *
// 16 looks at it are averaged, and all that matters is the strength, contrast * sqrt(H) / sigma.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/trainer.h"
#include "quality/interval.h"
#include "quality/transfer.h"

namespace dae {

inline constexpr int64_t kEdgeSide = 16;
inline constexpr double kEdgeStrengths[] = {0.5, 1, 2, 4, 8};  // contrast * sqrt(H) / sigma

struct EdgeStudyOptions {
  Device device = Device::cpu;
  NetworkConfig network = {.kind = NetworkKind::fc, .size = kEdgeSide};
  Schedule schedule;
  int64_t batch = 66;
  int64_t rounds = 16;  // of all 66 pictures, each with its own noise: what is measured
  uint64_t seed = 1;
  std::function<void(double strength, int64_t step)> progress = {};
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
  double mmse = 0;                               // E[Var(x | y)]
  Jackknife excess;                              // E|f - E[x | y]|^2 / mmse of the network f
  EdgeAnswer mean, median, network;
};

// Trains one network by mean squared error at this strength and measures it.
EdgePoint study_edge(const EdgeStudyOptions& options, double strength);

}  // namespace dae
