#include "train/defaults.h"

#include <algorithm>
#include <cmath>

namespace dae {
namespace {

constexpr int64_t kBatch = 16, kMostOnGpu = 1024, kPixelsOnGpu = 128 * 64 * 64;
constexpr double kPeak = 2e-3, kPeakFrom = 5e-4, kMostTimes = 2;

}  // namespace

int64_t default_batch(Device device, int64_t size) {
  if (device == Device::cpu) return kBatch;
  return std::clamp(kPixelsOnGpu / (size * size), kBatch, kMostOnGpu);
}

double default_learning_rate(int64_t batch, bool from) {
  const double times = std::sqrt(static_cast<double>(batch) / static_cast<double>(kBatch));
  return (from ? kPeakFrom : kPeak) * std::clamp(times, 1.0, kMostTimes);
}

}  // namespace dae
