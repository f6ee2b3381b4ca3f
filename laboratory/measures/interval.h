// How sure a figure is. Runs differ by their seeds and pictures by what they show, so a comparison
// is made on pairs (the same seed, the same pictures) and comes with an interval; one that contains
// zero is undecided, and that is an answer.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
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

// The same; count 0 for none, and where one is not finite, beyond the scale that is.
Interval interval_of_finite(std::span<const double> values);

// The same of a[i] - b[i]: what is common to a pair, such as its seed, does not count as
// uncertainty. Throws Error when the lengths differ.
Interval paired_interval(std::span<const double> a, std::span<const double> b);

// Mean, low, high, count; what is no finite number is written as null, as by all that
// nlohmann::json writes.
nlohmann::json to_json(const Interval& interval);

// All parts together; there must be one. Part has += and -=.
template <class Part>
Part pool(const std::vector<Part>& parts) {
  Part total = parts.at(0);
  for (size_t i = 1; i < parts.size(); i++) total += parts[i];
  return total;
}

// A statistic of all parts together, and the same without each part in turn, which is what the
// jackknife (Efron & Stein, "The jackknife estimate of variance", 1981) judges its error from. The
// parts must be independent, so they are whole pictures and never windows of one. For smooth
// statistics.
struct Jackknife {
  double value = 0;
  std::vector<double> without;  // one a part; empty: a value with no error known
};

template <class Part, class Statistic>
Jackknife jackknife(const std::vector<Part>& parts, const Statistic& statistic) {
  const Part total = pool(parts);
  Jackknife result{statistic(total), {}};
  if (parts.size() < 2) return result;
  for (const Part& part : parts) {
    Part others = total;
    others -= part;
    result.without.push_back(statistic(others));
  }
  return result;
}

// Of two statistics of the same parts: pairs again, part by part. Throws Error when the numbers of
// parts differ.
Jackknife operator-(const Jackknife& a, const Jackknife& b);

// The standard error:
//   error^2 = (n - 1) / n * sum of (value without part i - mean of those values)^2.
// NaN for fewer than two parts, or where the statistic is NaN without one of them.
double jackknife_error(const Jackknife& statistic);

// value -+ t(0.975, n - 1) * error: the same as mean_interval() for a mean. Infinite where the
// error is NaN.
Interval jackknife_interval(const Jackknife& statistic);

}  // namespace dae
