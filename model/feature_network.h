// The network that judges in a perceptual loss (model/perceptual.h), never the one that is trained
// for it: 3x3 convolutions with ReLU, the first with stride 1, the others with stride 2. What every
// layer makes of a picture is compared. docs/models.md says how it is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/builder.h"

namespace dae {

struct FeatureNetwork {
  std::vector<int64_t> widths = {};  // channels of each layer
  std::vector<float> values = {};    // as feature_parameters(widths) lays them out
};

inline const std::vector<int64_t> kFeatureWidths = {16, 32, 64};

// features.I.weight {widths[I], 3, 3, channels below} and features.I.bias {widths[I]}.
ParameterSet feature_parameters(const std::vector<int64_t>& widths);

// The layers on x {N, H, W, 3}; returns what each makes of it.
std::vector<TensorId> build_features(Builder& builder, const std::vector<int64_t>& widths,
                                     TensorId x);

// Adds the loss step `name`: the squared distance of x from target, of one shape, times scale, in
// parts sums {feature_chunks(shape)}, and its gradient dx (kernels/perceptual_loss.h).
void add_feature_distance(Plan& plan, const std::string& name, TensorId x, TensorId target,
                          float scale, TensorId dx, TensorId sums);

// Throws FieldError of `size` when crops of size x size leave the last layer less than 2x2
// positions.
void check_features_fit(const std::vector<int64_t>& widths, int64_t size);

// The channel of an element of a map {N, H, W, C}, counted as it lies in memory.
int64_t channel_of(const Tensor& map, int64_t element);

// Scales the channels of every layer, and what reads them by the inverse, so that their mean
// squares become one where they are `squares[layer][channel]` now: in a mean of squared differences
// layers and channels then weigh alike. ReLU commutes with positive factors, so the layers see what
// they saw before. A channel with less than a hundredth of its layer's mean square, which is mostly
// chance, is scaled as if it had that.
void normalize(FeatureNetwork& features, const std::vector<std::vector<double>>& squares);

}  // namespace dae
