#include "laboratory/measures/interval.h"

#include <gtest/gtest.h>

#include "tests/support/json_file.h"
#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

TEST(Interval, AgreesWithScipysPairedTTest) {
  const nlohmann::json entries = json_fixture("intervals.json");
  ASSERT_EQ(entries.size(), 7u);
  for (const auto& entry : entries) {
    const std::vector<double> a = entry.at("a"), b = entry.at("b");
    const Interval got = paired_interval(a, b);
    EXPECT_NEAR(got.mean, entry.at("mean"), 1e-12);
    EXPECT_NEAR(got.low, entry.at("low"), 1e-9) << a.size() << " pairs";
    EXPECT_NEAR(got.high, entry.at("high"), 1e-9) << a.size() << " pairs";
    EXPECT_EQ(got.count, static_cast<int64_t>(a.size()));
  }
}

// Student's table, column 0.975 of the two-sided 95%: values with mean 0 and variance n make the
// half width t itself.
TEST(Interval, UsesStudentsTable) {
  const struct {
    int64_t n;
    double t;
  } rows[] = {{2, 12.706}, {3, 4.303}, {5, 2.776}, {10, 2.262}, {30, 2.045}};
  for (const auto& [n, t] : rows) {
    // +-u alternating (and a zero where n is odd): the sum of squares is (n - 1) * n.
    std::vector<double> values;
    const int64_t even = n - n % 2;
    const double u = std::sqrt(double(n - 1) * double(n) / double(even));
    for (int64_t i = 0; i < even; i++) values.push_back(i % 2 == 0 ? u : -u);
    if (n % 2 == 1) values.push_back(0);
    EXPECT_NEAR(mean_interval(values).high, t, 6e-4) << n;
    EXPECT_NEAR(mean_interval(values).low, -t, 6e-4) << n;
  }
}

TEST(Interval, IsDecidedOnEitherSideOfZero) {
  EXPECT_TRUE(mean_interval(std::vector<double>{1, 1.1, 1.2}).decided());
  EXPECT_TRUE(mean_interval(std::vector<double>{-1, -1.1, -1.2}).decided());
  EXPECT_FALSE(mean_interval(std::vector<double>{1, -1, 0.1}).decided());
  EXPECT_FALSE(mean_interval(std::vector<double>{0, 0, 0}).decided());
}

TEST(Interval, OfOneValueIsInfinite) {
  const Interval interval = mean_interval(std::vector<double>{3});
  EXPECT_EQ(interval.mean, 3);
  EXPECT_EQ(interval.low, -kInfinity);
  EXPECT_EQ(interval.high, kInfinity);
  EXPECT_FALSE(interval.decided());
}

TEST(Interval, RefusesNothingAndUnequalLengths) {
  const std::vector<double> two = {1, 2}, three = {1, 2, 3};
  EXPECT_THROW(mean_interval({}), std::exception);
  EXPECT_THROW(paired_interval(two, three), std::exception);
}

// The jackknife of a mean is the usual standard error, exactly; of a ratio, what the delta method
// gives, nearly.
struct Sums {
  double x = 0, y = 0, n = 0;
  Sums& operator+=(const Sums& b) {
    x += b.x, y += b.y, n += b.n;
    return *this;
  }
  Sums& operator-=(const Sums& b) {
    x -= b.x, y -= b.y, n -= b.n;
    return *this;
  }
};

TEST(Jackknife, OfAMeanIsItsStandardError) {
  const std::vector<Sums> parts = {{1, 0, 1}, {4, 0, 1}, {2, 0, 1}, {9, 0, 1}};
  EXPECT_EQ(pool(parts).x, 16);
  const double variance = (9 + 0 + 4 + 25) / 3.0;  // about the mean, 4
  EXPECT_NEAR(jackknife_error(jackknife(parts, [](const Sums& s) { return s.x / s.n; })),
              std::sqrt(variance / 4), 1e-12);
}

TEST(Jackknife, OfARatioIsTheDeltaMethods) {
  std::vector<Sums> parts;
  for (int i = 0; i < 200; i++)
    parts.push_back({2 + 0.3 * texture(i, 0), 1 + 0.2 * texture(i, 1), 1});
  const Sums total = pool(parts);
  const double ratio = total.x / total.y;
  double squares = 0;
  for (const Sums& part : parts) squares += (part.x - ratio * part.y) * (part.x - ratio * part.y);
  EXPECT_NEAR(jackknife_error(jackknife(parts, [](const Sums& s) { return s.x / s.y; })) /
                  (std::sqrt(squares * 200 / 199) / total.y),
              1, 0.01);
}

TEST(Jackknife, NeedsTwoParts) {
  const std::vector<Sums> parts = {{1, 1, 1}};
  const Jackknife one = jackknife(parts, [](const Sums& s) { return s.x; });
  EXPECT_TRUE(std::isnan(jackknife_error(one)));
  EXPECT_EQ(jackknife_interval(one).high, kInfinity);
}

// Of means, the jackknife's interval is Student's, and its differences are the paired ones: what
// the pair shares, here nearly all of it, drops out.
TEST(Jackknife, OfMeansIsStudentsInterval) {
  std::vector<Sums> parts;
  std::vector<double> x, y;
  for (int i = 0; i < 7; i++) {
    x.push_back(texture(i, 0));
    y.push_back(texture(i, 0) + 0.01 * texture(i, 1));
    parts.push_back({x.back(), y.back(), 1});
  }
  const Jackknife of_x = jackknife(parts, [](const Sums& s) { return s.x / s.n; });
  const Jackknife of_y = jackknife(parts, [](const Sums& s) { return s.y / s.n; });
  const auto expect_same = [](const Interval& got, const Interval& want) {
    EXPECT_NEAR(got.mean, want.mean, 1e-12);
    EXPECT_NEAR(got.low, want.low, 1e-12);
    EXPECT_NEAR(got.high, want.high, 1e-12);
    EXPECT_EQ(got.count, want.count);
  };
  expect_same(jackknife_interval(of_x), mean_interval(x));
  expect_same(jackknife_interval(of_x - of_y), paired_interval(x, y));
  EXPECT_FALSE(jackknife_interval(of_x).high - of_y.value < 0) << "apart, they do not differ";
  EXPECT_TRUE(jackknife_interval(of_x - of_y).decided());
  const Jackknife of_three = jackknife(std::vector<Sums>(3), [](const Sums& s) { return s.n; });
  EXPECT_THROW(of_x - of_three, std::exception);
}

}  // namespace
}  // namespace dae::test
