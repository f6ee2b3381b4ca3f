#include "model/feature_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/perceptual_loss.h"
#include "runtime/error.h"

namespace dae {

ParameterSet feature_parameters(const std::vector<int64_t>& widths) {
  Plan plan;
  ParameterSet parameters;
  Builder builder(Device::cpu, plan, parameters, false);
  build_features(builder, widths, plan.external("x", {1, 8, 8, 3}));
  return parameters;
}

std::vector<TensorId> build_features(Builder& b, const std::vector<int64_t>& widths, TensorId x) {
  std::vector<TensorId> maps;
  for (size_t layer = 0; layer < widths.size(); layer++) {
    x = b.conv(fmt::format("features.{}", layer), x,
               {.filters = widths[layer], .stride = layer == 0 ? 1 : 2});
    maps.push_back(x);
  }
  return maps;
}

void add_feature_distance(Plan& plan, const std::string& name, TensorId x, TensorId target,
                          float scale, TensorId dx, TensorId sums) {
  plan.add({.op = "feature_distance",
            .name = name,
            .phase = Phase::loss,
            .reads = {x, target},
            .writes = {dx, sums},
            .run = [=](const Queue& q, const TensorTable& t) {
              feature_distance(q, t[x], t[target], scale, t[dx], t[sums]);
            }});
}

void check_features_fit(const std::vector<int64_t>& widths, int64_t size) {
  if (widths.empty()) fail("perceptual loss: there is no feature network");
  const int64_t halvings = static_cast<int64_t>(widths.size()) - 1;
  if (halvings < 40 && size > int64_t{1} << halvings) return;
  fail_field("size",
             "{}: the {} layers of the feature network halve a crop {} times, which leaves nothing "
             "to compare; choose larger crops or fewer layers",
             size, widths.size(), halvings);
}

int64_t channel_of(const Tensor& map, int64_t element) {
  const Shape& s = map.shape;
  const int64_t group = map.block > 1 ? map.block : s[3];
  return element / (s[1] * s[2] * group) % (s[3] / group) * group + element % group;
}

void normalize(FeatureNetwork& features, const std::vector<std::vector<double>>& squares) {
  const ParameterSet parameters = feature_parameters(features.widths);
  std::vector<double> below(3, 1.0);  // factors of the channels that a layer reads
  for (size_t layer = 0; layer < features.widths.size(); layer++) {
    const Parameter &weight = parameters.list()[2 * layer],
                    &bias = parameters.list()[2 * layer + 1];
    const std::vector<double>& square = squares[layer];
    const double all = std::accumulate(square.begin(), square.end(), 0.0) / double(square.size());
    if (!(all > 0)) fail("feature network: layer {} gives zeros, whatever it sees", layer);
    std::vector<double> factors;
    for (const double s : square) factors.push_back(1 / std::sqrt(std::max(s, 0.01 * all)));
    const int64_t inputs = weight.shape[3], fan_in = 9 * inputs;
    for (int64_t i = 0; i < weight.shape.count(); i++) {
      float& value = features.values[static_cast<size_t>(weight.offset + i)];
      value = static_cast<float>(value * factors[static_cast<size_t>(i / fan_in)] /
                                 below[static_cast<size_t>(i % inputs)]);
    }
    for (int64_t k = 0; k < bias.shape.count(); k++) {
      float& value = features.values[static_cast<size_t>(bias.offset + k)];
      value = static_cast<float>(value * factors[static_cast<size_t>(k)]);
    }
    below = factors;
  }
}

}  // namespace dae
