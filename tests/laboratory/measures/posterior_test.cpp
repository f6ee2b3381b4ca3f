#include "laboratory/measures/posterior.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/quality_pairs.h"

namespace dae::test {
namespace {

// Five pictures of 2x3 pixels, and what noise makes of the second.
struct Problem {
  std::vector<Picture> pictures;
  std::vector<FloatView> list;
  Picture seen;
  double sigma;

  explicit Problem(double noise, uint64_t seed = 1) : sigma(noise) {
    for (int64_t k = 0; k < 5; k++)
      pictures.push_back(
          make_picture(2, 3, [&](int64_t i, int64_t c) { return texture(20 * k + i, c); }));
    for (const Picture& picture : pictures) list.push_back(picture.view());
    std::mt19937_64 words(seed);
    std::normal_distribution<double> normal(0, sigma);
    seen = pictures[1];
    for (float& value : seen.values) value = static_cast<float>(value + normal(words));
  }
};

// Bayes' rule as it is written: the product of the densities of all values.
std::vector<double> by_densities(const Problem& p) {
  std::vector<long double> densities;
  long double all = 0;
  for (const Picture& picture : p.pictures) {
    long double density = 1;
    for (size_t i = 0; i < picture.values.size(); i++) {
      const long double z =
          (p.seen.values[i] - picture.values[i]) / static_cast<long double>(p.sigma);
      density *= std::exp(-z * z / 2);
    }
    densities.push_back(density);
    all += density;
  }
  std::vector<double> weights;
  for (const long double density : densities) weights.push_back(static_cast<double>(density / all));
  return weights;
}

TEST(Posterior, IsBayesRule) {
  for (const double sigma : {0.2, 0.5, 2.0}) {
    const Problem p(sigma);
    const std::vector<double> got = posterior_weights(p.list, p.seen.view(), sigma),
                              want = by_densities(p);
    for (size_t k = 0; k < want.size(); k++) EXPECT_NEAR(got[k], want[k], 1e-6) << sigma;
  }
}

TEST(Posterior, IsFiniteWhereDensitiesVanish) {
  const Problem p(1e-4);  // exponents of -1e7
  const std::vector<double> weights = posterior_weights(p.list, p.seen.view(), p.sigma);
  EXPECT_EQ(weights[1], 1);
  EXPECT_EQ(weights[0], 0);
  EXPECT_EQ(posterior_mean(p.list, weights), p.pictures[1].values);
}

// Searched on a grid: no other answer has a smaller expected squared or absolute error.
TEST(Posterior, MeanAndMedianAreTheBestAnswers) {
  const Problem p(0.6);
  const std::vector<double> weights = by_densities(p);
  const std::vector<float> mean = posterior_mean(p.list, weights),
                           median = posterior_median(p.list, weights);
  double variance = 0, absolute = 0;
  for (size_t i = 0; i < mean.size(); i++) {
    const auto risk = [&](double answer, bool squared) {
      double sum = 0;
      for (size_t k = 0; k < weights.size(); k++) {
        const double off = std::abs(answer - p.pictures[k].values[i]);
        sum += weights[k] * (squared ? off * off : off);
      }
      return sum;
    };
    for (double other = 0; other <= 1; other += 0.001) {
      EXPECT_LE(risk(mean[i], true), risk(other, true) + 1e-12);
      EXPECT_LE(risk(median[i], false), risk(other, false) + 1e-12);
    }
    variance += risk(mean[i], true) / static_cast<double>(mean.size());
    absolute += risk(p.seen.values[i], false) / static_cast<double>(mean.size());
  }
  EXPECT_NEAR(posterior_variance(p.list, weights), variance, 1e-12);
  EXPECT_NEAR(posterior_absolute_error(p.list, weights, p.seen.view()), absolute, 1e-12);
}

// What the posterior says of its own error is what the error is, over pictures and noise.
TEST(Posterior, KnowsItsError) {
  const Problem p(0.5);
  std::mt19937_64 words(7);
  std::normal_distribution<double> normal(0, p.sigma);
  double said = 0, was = 0;
  constexpr int kDraws = 20000;
  for (int draw = 0; draw < kDraws; draw++) {
    const Picture& clean = p.pictures[static_cast<size_t>(draw) % p.pictures.size()];
    Picture seen = clean;
    for (float& value : seen.values) value = static_cast<float>(value + normal(words));
    const std::vector<double> weights = posterior_weights(p.list, seen.view(), p.sigma);
    said += posterior_variance(p.list, weights);
    const std::vector<float> mean = posterior_mean(p.list, weights);
    for (size_t i = 0; i < mean.size(); i++)
      was += std::pow(double{mean[i]} - clean.values[i], 2) / static_cast<double>(mean.size());
  }
  EXPECT_NEAR(was / said, 1, 0.02);
}

TEST(Posterior, RefusesWhatHasNone) {
  const Problem p(0.5);
  const Picture other{1, 1, {0, 0, 0}};
  EXPECT_THROW(posterior_weights({}, p.seen.view(), 0.5), std::exception);
  EXPECT_THROW(posterior_weights(p.list, other.view(), 0.5), std::exception);
  EXPECT_THROW(posterior_absolute_error(p.list, by_densities(p), other.view()), std::exception);
  EXPECT_THROW(posterior_weights(p.list, p.seen.view(), 0), std::exception);
}

}  // namespace
}  // namespace dae::test
