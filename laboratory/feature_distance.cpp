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
    : device_(device), batch_(batch), picture_(3 * size * size) {
  check_features_fit(features.widths, size);
  Plan plan;
  ParameterSet parameters;
  Builder builder(device, plan, parameters, false);
  const TensorId pictures = plan.external("pictures", {2 * batch, size, size, 3});
  maps_ = build_features(builder, features.widths, pictures);
  for (const TensorId map : maps_) plan.keep(map);
  Layout layout = lay_out(plan, true);
  arena_ = Buffer(device, layout.bytes);
  weights_ = Buffer(device, features.values.size() * sizeof(float));
  copy_between_devices(weights_.data(), features.values.data(), weights_.bytes());
  pictures_ = Buffer(device, plan.view(pictures).bytes());
  executor_ = std::make_unique<Executor>(std::move(plan), std::move(layout));
  executor_->attach(arena_.data(), arena_.bytes());
  executor_->bind(builder.weights(), weights_.data());
  executor_->bind(pictures, pictures_.data());
}

std::vector<double> FeatureDistance::operator()(std::span<const float> a,
                                                std::span<const float> b) {
  const auto picture = static_cast<size_t>(picture_);
  if (a.size() != b.size() || a.size() % picture != 0)
    fail("feature distance: {} and {} values are no pairs of pictures of {}", a.size(), b.size(),
         picture);
  const size_t pairs = a.size() / picture;
  std::vector<double> distances(pairs);
  std::vector<float> map;
  for (size_t first = 0; first < pairs; first += static_cast<size_t>(batch_)) {
    const size_t count = std::min(pairs - first, static_cast<size_t>(batch_));
    const size_t bytes = count * picture * sizeof(float);
    copy_between_devices(pictures_.data(), &a[first * picture], bytes);
    copy_between_devices(pictures_.data() + pictures_.bytes() / 2, &b[first * picture], bytes);
    executor_->run(Queue{device_});
    if (device_ == Device::cuda) synchronize_device();
    for (const TensorId id : maps_) {
      const Tensor& found = executor_->tensors()[id];
      map.resize(static_cast<size_t>(found.count()));
      copy_between_devices(map.data(), found.data, found.bytes());
      const int64_t group = found.block > 1 ? found.block : found.shape[3];
      for (size_t i = 0; i < count; i++)
        distances[first + i] += distance(map, found.shape, group, static_cast<int64_t>(i),
                                         batch_ + static_cast<int64_t>(i)) /
                                static_cast<double>(maps_.size());
    }
  }
  return distances;
}

}  // namespace dae
