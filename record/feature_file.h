// A feature network (model/feature_network.h) as a safetensors file: features.I.weight f32
// {filters, 3, 3, channels} and features.I.bias f32 {filters} for I = 0, 1, ...; the first layer
// sees three channels. Channels should have mean squares of about one on clean pictures, as
// normalize() leaves them: the loss weighs them as they come.
#pragma once

#include <filesystem>

#include "model/feature_network.h"

namespace dae {

// The layers are as many and as wide as the file says. Throws Error naming the file, the tensor,
// its shape and what was expected.
FeatureNetwork load_features(const std::filesystem::path& path);

// Atomically, as save_safetensors().
void save_features(const std::filesystem::path& path, const FeatureNetwork& features);

}  // namespace dae
