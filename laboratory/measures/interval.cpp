#include "laboratory/measures/interval.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace dae {
namespace {

// Half the width of a 95% interval from n values or parts.
double half_width(double n, double error) {
  return boost::math::quantile(boost::math::students_t(n - 1), 0.975) * error;
}

Interval unknown(double mean, size_t count) {
  const double infinity = std::numeric_limits<double>::infinity();
  return {mean, -infinity, infinity, static_cast<int64_t>(count)};
}

}  // namespace

Interval mean_interval(std::span<const double> values) {
  if (values.empty()) fail("quality: an interval needs at least one value");
  const double n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  if (values.size() == 1) return unknown(mean, 1);
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = half_width(n, std::sqrt(squares / (n - 1) / n));
  return {mean, mean - half, mean + half, static_cast<int64_t>(values.size())};
}

Interval interval_of_finite(std::span<const double> values) {
  const bool all =
      std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  return values.empty() || !all ? Interval{} : mean_interval(values);
}

Interval paired_interval(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    fail("quality: {} values and {} values are not pairs", a.size(), b.size());
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); i++) differences.push_back(a[i] - b[i]);
  return mean_interval(differences);
}

nlohmann::json to_json(const Interval& interval) {
  const auto number = [&](double v) {
    return interval.count > 0 ? v : std::numeric_limits<double>::quiet_NaN();
  };
  return {{"mean", number(interval.mean)},
          {"low", number(interval.low)},
          {"high", number(interval.high)},
          {"count", interval.count}};
}

Jackknife operator-(const Jackknife& a, const Jackknife& b) {
  if (a.without.size() != b.without.size())
    fail("quality: {} parts and {} parts are not pairs", a.without.size(), b.without.size());
  Jackknife difference{a.value - b.value, {}};
  for (size_t i = 0; i < a.without.size(); i++)
    difference.without.push_back(a.without[i] - b.without[i]);
  return difference;
}

double jackknife_error(const Jackknife& statistic) {
  const double n = static_cast<double>(statistic.without.size());
  if (n < 2) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0, squares = 0;
  for (const double value : statistic.without) sum += value;
  for (const double value : statistic.without) squares += (value - sum / n) * (value - sum / n);
  return std::sqrt((n - 1) / n * squares);
}

Interval jackknife_interval(const Jackknife& statistic) {
  const double error = jackknife_error(statistic);
  const size_t count = statistic.without.size();
  if (std::isnan(error)) return unknown(statistic.value, count);
  const double half = half_width(static_cast<double>(count), error);
  return {statistic.value, statistic.value - half, statistic.value + half,
          static_cast<int64_t>(count)};
}

}  // namespace dae
