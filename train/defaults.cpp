#include "train/defaults.h"

#include <algorithm>
#include <cmath>

namespace dae {
namespace {

constexpr int64_t kBatch = 16, kMostOnGpu = 1024, kPixelsOnGpu = 128 * 64 * 64;
constexpr double kPeak = 2e-3, kPeakFrom = 5e-4;

}  // namespace

int64_t default_batch(Device device, int64_t size) {
  if (device == Device::cpu) return kBatch;
  return std::clamp(kPixelsOnGpu / (size * size), kBatch, kMostOnGpu);
}

double default_learning_rate(int64_t batch, bool from) {
  const double crops = static_cast<double>(std::max(batch, kBatch));
  return (from ? kPeakFrom : kPeak) * std::sqrt(crops / static_cast<double>(kBatch));
}

}  // namespace dae
