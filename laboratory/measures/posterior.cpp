#include "laboratory/measures/posterior.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/error.h"

namespace dae {
namespace {

// Of one value. Squares are taken about the mean: E[x^2] - E[x]^2 would lose a small variance.
struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(std::span<const FloatView> pictures, std::span<const double> weights, int64_t i) {
  Moments m;
  for (size_t k = 0; k < pictures.size(); k++) m.mean += weights[k] * double{pictures[k].data[i]};
  for (size_t k = 0; k < pictures.size(); k++) {
    const double off = pictures[k].data[i] - m.mean;
    m.variance += weights[k] * off * off;
  }
  return m;
}

}  // namespace

std::vector<double> posterior_weights(std::span<const FloatView> pictures, const FloatView& seen,
                                      double sigma) {
  if (pictures.empty()) fail("quality: a posterior needs at least one picture");
  if (!(sigma > 0)) fail("quality: a posterior needs noise: sigma is {}", sigma);
  std::vector<double> weights;
  for (const FloatView& picture : pictures) {
    if (picture.height != seen.height || picture.width != seen.width)
      fail("quality: a picture of {}x{} pixels cannot be seen as one of {}x{}", picture.width,
           picture.height, seen.width, seen.height);
    double squares = 0;
    for (int64_t i = 0; i < seen.count(); i++) {
      const double off = double{seen.data[i]} - picture.data[i];
      squares += off * off;
    }
    weights.push_back(-squares / (2 * sigma * sigma));
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - largest);
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<float> posterior_mean(std::span<const FloatView> pictures,
                                  std::span<const double> weights) {
  std::vector<float> out;
  for (int64_t i = 0; i < pictures[0].count(); i++)
    out.push_back(static_cast<float>(moments(pictures, weights, i).mean));
  return out;
}

std::vector<float> posterior_median(std::span<const FloatView> pictures,
                                    std::span<const double> weights) {
  std::vector<float> out;
  std::vector<std::pair<float, double>> values(pictures.size());
  for (int64_t i = 0; i < pictures[0].count(); i++) {
    for (size_t k = 0; k < pictures.size(); k++) values[k] = {pictures[k].data[i], weights[k]};
    std::sort(values.begin(), values.end());
    size_t at = 0;
    for (double below = values[0].second; below < 0.5 && at + 1 < values.size();)
      below += values[++at].second;
    out.push_back(values[at].first);
  }
  return out;
}

double posterior_variance(std::span<const FloatView> pictures, std::span<const double> weights) {
  double sum = 0;
  for (int64_t i = 0; i < pictures[0].count(); i++) sum += moments(pictures, weights, i).variance;
  return sum / static_cast<double>(pictures[0].count());
}

double posterior_absolute_error(std::span<const FloatView> pictures,
                                std::span<const double> weights, const FloatView& answer) {
  if (answer.height != pictures[0].height || answer.width != pictures[0].width)
    fail("quality: an answer of {}x{} pixels to pictures of {}x{}", answer.width, answer.height,
         pictures[0].width, pictures[0].height);
  double sum = 0;
  for (size_t k = 0; k < pictures.size(); k++) {
    double distance = 0;
    for (int64_t i = 0; i < answer.count(); i++)
      distance += std::abs(double{pictures[k].data[i]} - answer.data[i]);
    sum += weights[k] * distance;
  }
  return sum / static_cast<double>(answer.count());
}

}  // namespace dae
