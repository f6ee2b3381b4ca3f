#include "laboratory/feature_distance.h"

#include <algorithm>
#include <cmath>

#include "runtime/device.h"
#include "runtime/error.h"

namespace dae {
namespace {

// Of images i and j of a map whose channels lie in groups of `group`, as they are stored.
double distance(const std::vector<float>& map, const Shape& s, int64_t group, int64_t i,
                int64_t j) {
  const int64_t positions = s[1] * s[2], channels = s[3];
  const auto at = [&](int64_t n, int64_t p, int64_t c) {
    const int64_t place = (n * (channels / group) + c / group) * positions + p;
    return double{map[static_cast<size_t>(place * group + c % group)]};
  };
  const auto length = [&](int64_t n, int64_t p) {
    double square = 0;
    for (int64_t c = 0; c < channels; c++) square += at(n, p, c) * at(n, p, c);
    return std::sqrt(square) + 1e-10;
  };
  double sum = 0;
  for (int64_t p = 0; p < positions; p++) {
    const double a = length(i, p), b = length(j, p);
    for (int64_t c = 0; c < channels; c++) sum += std::pow(at(i, p, c) / a - at(j, p, c) / b, 2);
  }
  return sum / static_cast<double>(positions);
}

}  // namespace

FeatureDistance::FeatureDistance(Device device, const FeatureNetwork& features, int64_t size,
                                 int64_t batch)
    : batch_(batch), picture_(3 * size * size), program_(plan(device, features, size)) {
  program_.allocate();
  program_.write(weights_, features.values.data());
}

Program FeatureDistance::plan(Device device, const FeatureNetwork& features, int64_t size) {
  check_features_fit(features.widths, size);
  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, false);
  pictures_ = plan.external("pictures", {2 * batch_, size, size, 3});
  for (const TensorId map : build_features(builder, features.widths, pictures_)) plan.keep(map);
  weights_ = builder.weights();
  return {device, std::move(plan)};
}

std::vector<double> FeatureDistance::operator()(std::span<const float> a,
                                                std::span<const float> b) {
  const auto picture = static_cast<size_t>(picture_);
  if (a.size() != b.size() || a.size() % picture != 0)
    fail("feature distance: {} and {} values are no pairs of pictures of {}", a.size(), b.size(),
         picture);
  const size_t pairs = a.size() / picture;
  std::vector<double> distances(pairs);
  auto* const memory = static_cast<float*>(program_.tensor(pictures_).data);
  const std::vector<TensorId>& maps = program_.plan().outputs();
  for (size_t first = 0; first < pairs; first += static_cast<size_t>(batch_)) {
    const size_t count = std::min(pairs - first, static_cast<size_t>(batch_));
    const size_t bytes = count * picture * sizeof(float);
    copy_between_devices(memory, &a[first * picture], bytes);
    copy_between_devices(memory + static_cast<size_t>(batch_) * picture, &b[first * picture],
                         bytes);
    program_.run();
    for (const TensorId id : maps) {
      const Tensor& found = program_.tensor(id);
      const std::vector<float> map = program_.floats(id);
      const int64_t group = found.block > 1 ? found.block : found.shape[3];
      for (size_t i = 0; i < count; i++)
        distances[first + i] += distance(map, found.shape, group, static_cast<int64_t>(i),
                                         batch_ + static_cast<int64_t>(i)) /
                                static_cast<double>(maps.size());
    }
  }
  return distances;
}

}  // namespace dae
