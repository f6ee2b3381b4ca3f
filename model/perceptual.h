// The perceptual loss: what a frozen network's layers make of the restoration y, held against what
// they make of the clean picture (Johnson, Alahi & Fei-Fei, 2016).
//
//   term = mean over layers l of mean((phi_l(y) - phi_l(target / 255))^2)
//
// The layers and their gradients are f32 even where the network that is trained is bf16: the term
// is a small difference of large numbers, and a hundredth of a unet's arithmetic.
#pragma once

#include <vector>

#include "model/feature_network.h"

namespace dae {

// The network's weights: an external tensor f32 {feature_parameters(widths).count()}.
inline constexpr const char* kFeatureWeights = "features";

struct TermPlacement {
  float weight = 1;
  bool first = true;           // kernels/loss_term.h
  TensorId y, target;          // f32 and u8 {N, H, W, 3}
  TensorId dy, total, report;  // kernels/loss_term.h
};

// Adds the steps of the term: both pictures through the layers, the distances, and the way back.
void add_perceptual_loss(Builder& builder, const std::vector<int64_t>& widths,
                         const TermPlacement& term);

}  // namespace dae
