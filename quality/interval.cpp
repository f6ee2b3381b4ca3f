#include "quality/interval.h"

#include <boost/math/distributions/students_t.hpp>

#include "runtime/error.h"

namespace dae {

Interval mean_interval(std::span<const double> values) {
  if (values.empty()) fail("quality: an interval needs at least one value");
  const double n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  if (values.size() == 1) {
    const double infinity = std::numeric_limits<double>::infinity();
    return {mean, -infinity, infinity, 1};
  }
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  const double half = t * std::sqrt(squares / (n - 1) / n);
  return {mean, mean - half, mean + half, static_cast<int64_t>(values.size())};
}

Interval paired_interval(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    fail("quality: {} values and {} values are not pairs", a.size(), b.size());
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); i++) differences.push_back(a[i] - b[i]);
  return mean_interval(differences);
}

}  // namespace dae
