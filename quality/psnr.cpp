#include "quality/psnr.h"

#include <cmath>

#include "runtime/error.h"

namespace dae {

double mean_squared_error(const FloatView& a, const FloatView& b) {
  if (a.height != b.height || a.width != b.width)
    fail("quality: images of {}x{} and {}x{} pixels cannot be compared", a.width, a.height, b.width,
         b.height);
  double sum = 0;
  for (int64_t i = 0; i < a.count(); i++) {
    const double difference = double{a.data[i]} - double{b.data[i]};
    sum += difference * difference;
  }
  return sum / static_cast<double>(a.count());
}

double psnr_of(double mse) {
  return -10 * std::log10(mse);
}

}  // namespace dae
