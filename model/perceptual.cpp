#include "model/perceptual.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/perceptual_loss.h"

namespace dae {

void add_perceptual_loss(Builder& b, const std::vector<int64_t>& widths,
                         const TermPlacement& term) {
  Plan& plan = b.plan();
  const Shape& image = plan.shape(term.target);
  check_features_fit(widths, std::min(image[1], image[2]));
  ParameterSet parameters;
  Builder features = Builder::frozen(b.device(), plan, parameters, kFeatureWeights);
  const TensorId target = term.target, clean = plan.tensor("clean.picture", plan.shape(target));
  plan.add(
      {.op = "unit_picture",
       .name = "features",
       .phase = Phase::loss,
       .reads = {target},
       .writes = {clean},
       .run = [=](const Queue& q, const TensorTable& t) { unit_picture(q, t[target], t[clean]); }});
  const std::vector<TensorId> wanted = build_features(features, widths, clean);
  features.require_gradient(term.y);
  const std::vector<TensorId> found = build_features(features, widths, term.y);

  int64_t chunks = 0;
  for (const TensorId map : found) chunks += feature_chunks(plan.shape(map));
  const TensorId sums = plan.tensor("loss.perceptual.sums", {chunks});
  int64_t chunk = 0;
  for (size_t layer = 0; layer < found.size(); layer++) {
    const TensorId x = found[layer];
    const std::string name = fmt::format("features.{}", layer);
    const TensorId dx = features.tensor_like("d(" + name + ")", x);
    const int64_t count = feature_chunks(plan.shape(x));
    const TensorId part = plan.slice(sums, name + ".sums", chunk, {count});
    chunk += count;
    const auto elements = static_cast<double>(plan.shape(x).count());
    const auto scale = static_cast<float>(1 / (elements * static_cast<double>(found.size())));
    add_feature_distance(plan, name, x, wanted[layer], scale, dx, part);
    features.set_gradient(x, dx);
  }
  features.backward();

  const TensorId g = features.gradient_of(term.y), dy = term.dy, total = term.total,
                 report = term.report;
  const TensorId workspace =
      plan.tensor("loss.perceptual.workspace", {feature_chunks(plan.shape(g))});
  const float weight = term.weight;
  const bool first = term.first;
  plan.add({.op = "perceptual_loss",
            .name = "loss.perceptual",
            .phase = Phase::loss,
            .reads = first ? std::vector{g, sums} : std::vector{g, sums, dy, total},
            .writes = {dy, total, report},
            .scratch = {workspace},
            .run = [=](const Queue& q, const TensorTable& t) {
              perceptual_loss(q, t[g], t[sums], {weight, first, t[dy], t[total], t[report]},
                              t[workspace]);
            }});
}

}  // namespace dae
