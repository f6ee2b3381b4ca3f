#include "record/feature_file.h"

#include <cmath>
#include <cstring>

#include "data/safetensors.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr size_t kMostLayers = 32;  // each but the first halves its crop

// The filters of a layer that sees `channels`.
int64_t filters_of(const std::string& file, const std::string& name, const Tensor& weight,
                   int64_t channels) {
  const Shape& s = weight.shape;
  const bool fits = weight.dtype == DType::f32 && s.rank() == 4 && s[0] > 0 && s[1] == 3 &&
                    s[2] == 3 && s[3] == channels;
  if (fits) return s[0];
  const bool transposed = s.rank() == 4 && s[1] == channels && s[2] == 3 && s[3] == 3;
  fail("{}: {} is {}, expected f32 {{filters, 3, 3, {}}}, since {}{}", file, name,
       to_string(weight), channels,
       channels == 3 && name == "features.0.weight"
           ? "pictures have three channels"
           : fmt::format("the layer before it has {} filters", channels),
       transposed ? "; PyTorch's order of axes becomes that by permute(0, 2, 3, 1)" : "");
}

}  // namespace

FeatureNetwork load_features(const std::filesystem::path& path) {
  const Safetensors file(path);
  const std::string shown = path.string();
  FeatureNetwork features;
  int64_t channels = 3;
  for (;;) {
    const std::string name = fmt::format("features.{}.weight", features.widths.size());
    const auto weight = file.tensors().find(name);
    if (weight == file.tensors().end()) break;
    if (features.widths.size() == kMostLayers)
      fail("{}: it has more than {} layers", shown, kMostLayers);
    channels = filters_of(shown, name, weight->second, channels);
    features.widths.push_back(channels);
  }
  if (features.widths.empty())
    fail("{}: it holds no f32 features.0.weight, so it is no feature network", shown);
  const ParameterSet parameters = feature_parameters(features.widths);
  if (file.tensors().size() != parameters.list().size())
    for (const auto& [name, tensor] : file.tensors()) {
      bool known = false;
      for (const Parameter& p : parameters.list()) known = known || p.name == name;
      if (!known)
        fail("{}: {} ({}) is no part of its {} layers, features.0 to features.{} without a gap",
             shown, name, to_string(tensor), features.widths.size(), features.widths.size() - 1);
    }
  features.values.resize(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list()) {
    float* const values = &features.values[static_cast<size_t>(p.offset)];
    std::memcpy(values, file.get(p.name, p.shape, DType::f32),
                static_cast<size_t>(p.shape.count()) * sizeof(float));
    for (int64_t i = 0; i < p.shape.count(); i++)
      if (!std::isfinite(values[i]))
        fail("{}: {} ({}) holds {} at element {}, expected finite numbers", shown, p.name,
             to_string(p.shape), values[i], i);
  }
  return features;
}

void save_features(const std::filesystem::path& path, const FeatureNetwork& features) {
  std::vector<float> values = features.values;
  std::vector<NamedTensor> tensors;
  const ParameterSet parameters = feature_parameters(features.widths);
  for (const Parameter& p : parameters.list())
    tensors.push_back({p.name, {&values[static_cast<size_t>(p.offset)], p.shape}});
  save_safetensors(path, tensors, {{"format", "dae features 2"}});
}

}  // namespace dae
