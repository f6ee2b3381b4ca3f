#include "model/reach.h"

#include <algorithm>
#include <numeric>

#include "runtime/error.h"

namespace dae {
namespace {

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

Reach::Interval hull(const Reach::Interval& a, const Reach::Interval& b) {
  return {std::min(a.first, b.first), std::max(a.last, b.last)};
}

}  // namespace

Reach Reach::all() {
  Reach everything;
  everything.period_.clear();
  return everything;
}

Reach::Interval Reach::of(int64_t position) const {
  const int64_t periods = floor_div(position, positions());
  const Interval& seen = period_[static_cast<size_t>(position - periods * positions())];
  return {seen.first + periods * advance_, seen.last + periods * advance_};
}

Reach Reach::convolved(int kernel, int stride, int pad) const {
  if (is_all()) return all();
  Reach result;
  // Positions of the result until it starts at a like place of this map's period again.
  const int64_t count = positions() / std::gcd(positions(), int64_t{stride});
  result.advance_ = advance_ * (count * stride / positions());
  result.period_.clear();
  for (int64_t p = 0; p < count; p++) {
    Interval seen = of(p * stride - pad);
    for (int tap = 1; tap < kernel; tap++) seen = hull(seen, of(p * stride - pad + tap));
    result.period_.push_back(seen);
  }
  return result;
}

Reach Reach::transposed(int kernel, int stride, int pad) const {
  if (is_all()) return all();
  Reach result;
  result.advance_ = advance_;
  result.period_.clear();
  for (int64_t p = 0; p < positions() * stride; p++) {
    // Those i with 0 <= p + pad - i * stride < kernel.
    const int64_t last = floor_div(p + pad, stride);
    Interval seen = of(last);
    for (int64_t i = last - 1; p + pad - i * stride < kernel; i--) seen = hull(seen, of(i));
    result.period_.push_back(seen);
  }
  return result;
}

Reach Reach::joined(const Reach& other) const {
  if (is_all() || other.is_all()) return all();
  if (advance_ * other.positions() != other.advance_ * positions())
    fail("reach: maps of two resolutions are added");
  Reach result;
  const int64_t count = std::lcm(positions(), other.positions());
  result.advance_ = advance_ * (count / positions());
  result.period_.clear();
  for (int64_t p = 0; p < count; p++) result.period_.push_back(hull(of(p), other.of(p)));
  return result;
}

int64_t Reach::radius() const {
  if (is_all() || advance_ != positions())
    fail("reach: a map that {} has no radius in pixels",
         is_all() ? "sees all" : "is not of its input's resolution");
  int64_t most = 0;
  for (int64_t p = 0; p < positions(); p++)
    most = std::max({most, p - of(p).first, of(p).last - p});
  return most;
}

}  // namespace dae
