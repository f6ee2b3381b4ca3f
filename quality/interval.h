// How sure a figure is. Runs differ by their seeds and pictures by what they show, so a comparison
// is made on pairs (the same seed, the same pictures) and comes with an interval; one that contains
// zero is undecided, and that is an answer.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace dae {

struct Interval {
  double mean = 0, low = 0, high = 0;
  int64_t count = 0;

  // False when the interval contains zero: the data do not tell the sign.
  bool decided() const { return low > 0 || high < 0; }
};

// The mean and its 95% interval by Student's t: mean -+ t(0.975, n - 1) * sqrt(s^2 / n), with the
// unbiased variance s^2. Exact for normal values; with few of them the interval is honest about
// that (t = 12.7 for two). One value has an infinite interval. Throws Error for none.
Interval mean_interval(std::span<const double> values);

// The same of a[i] - b[i]: what is common to a pair, such as its seed, does not count as
// uncertainty. Throws Error when the lengths differ.
Interval paired_interval(std::span<const double> a, std::span<const double> b);

// All parts together; there must be one. Part has += and -=.
template <class Part>
Part pool(const std::vector<Part>& parts) {
  Part total = parts.at(0);
  for (size_t i = 1; i < parts.size(); i++) total += parts[i];
  return total;
}

// The standard error of statistic(pool(parts)) by the jackknife (Efron & Stein, "The jackknife
// estimate of variance", 1981): the statistic is taken once more without each part,
//   error^2 = (n - 1) / n * sum of (value without part i - mean of those values)^2.
// The parts must be independent, so they are whole pictures and never windows of one. For smooth
// statistics. NaN for fewer than two parts, or where the statistic is NaN without one of them.
template <class Part, class Statistic>
double jackknife_error(const std::vector<Part>& parts, const Statistic& statistic) {
  const double n = static_cast<double>(parts.size());
  if (parts.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const Part total = pool(parts);
  std::vector<double> values;
  double sum = 0;
  for (const Part& part : parts) {
    Part others = total;
    others -= part;
    values.push_back(statistic(others));
    sum += values.back();
  }
  double squares = 0;
  for (const double value : values) squares += (value - sum / n) * (value - sum / n);
  return std::sqrt((n - 1) / n * squares);
}

}  // namespace dae
