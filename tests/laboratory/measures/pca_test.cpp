#include "laboratory/measures/pca.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>

#include "runtime/error.h"
#include "tests/support/degraded.h"

namespace dae::test {
namespace {

using Samples = std::vector<std::vector<float>>;
using Matrix = std::vector<std::vector<double>>;  // rows

// Normal numbers times `scale[d]`, mixed by a random matrix, away from the origin.
Samples correlated(size_t count, const std::vector<double>& scale, uint64_t seed = 1) {
  std::mt19937_64 words(seed);
  std::normal_distribution<double> normal;
  const size_t size = scale.size();
  Matrix mixing(size, std::vector<double>(size));
  for (auto& row : mixing)
    for (double& value : row) value = normal(words);
  Samples samples(count, std::vector<float>(size));
  for (auto& sample : samples) {
    std::vector<double> sources;
    for (const double factor : scale) sources.push_back(factor * normal(words));
    for (size_t d = 0; d < size; d++)
      sample[d] = static_cast<float>(
          std::inner_product(sources.begin(), sources.end(), mixing[d].begin(), 3.0 + double(d)));
  }
  return samples;
}

std::vector<double> falling(size_t size) {
  std::vector<double> scale;
  for (size_t d = 0; d < size; d++) scale.push_back(std::pow(0.7, double(d)));
  return scale;
}

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); d++) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

double mean_error(const Samples& samples, const Samples& other) {
  double sum = 0;
  for (size_t n = 0; n < samples.size(); n++) sum += squared_distance(samples[n], other[n]);
  return sum / double(samples.size());
}

double largest_difference(const Samples& a, const Samples& b) {
  double largest = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t n = 0; n < std::min(a.size(), b.size()); n++)
    for (size_t d = 0; d < a[n].size(); d++)
      largest = std::max(largest, std::abs(double{a[n][d]} - b[n][d]));
  return largest;
}

// The same by other means: plain sums, and the cyclic method of Jacobi (1846), which turns one pair
// of axes after the other until the matrix is diagonal.
struct ReferencePca {
  std::vector<double> mean, variances;
  Matrix directions;

  explicit ReferencePca(const Samples& samples) : mean(samples[0].size()) {
    const size_t size = mean.size();
    const double count = double(samples.size());
    for (const auto& sample : samples)
      for (size_t d = 0; d < size; d++) mean[d] += sample[d] / count;
    Matrix c(size, std::vector<double>(size));
    for (const auto& sample : samples)
      for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++)
          c[i][j] += (sample[i] - mean[i]) * (sample[j] - mean[j]) / count;
    Matrix axes(size, std::vector<double>(size));
    for (size_t d = 0; d < size; d++) axes[d][d] = 1;
    for (int sweep = 0; sweep < 20; sweep++)
      for (size_t p = 0; p < size; p++)
        for (size_t q = p + 1; q < size; q++) {
          const double angle = 0.5 * std::atan2(2 * c[p][q], c[p][p] - c[q][q]);
          const double cosine = std::cos(angle), sine = std::sin(angle);
          const auto turn = [&](double& a, double& b) {
            const double was = a;
            a = cosine * was + sine * b;
            b = cosine * b - sine * was;
          };
          for (size_t k = 0; k < size; k++) turn(c[k][p], c[k][q]);
          for (size_t k = 0; k < size; k++) turn(c[p][k], c[q][k]);
          for (size_t k = 0; k < size; k++) turn(axes[p][k], axes[q][k]);
        }
    std::vector<size_t> order(size);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return c[a][a] > c[b][b]; });
    for (const size_t d : order) {
      variances.push_back(c[d][d]);
      directions.push_back(axes[d]);
    }
  }
};

// mean + sum over the first `rank` directions, which are orthonormal, of their share.
Samples project(const Samples& samples, const std::vector<double>& mean, const Matrix& directions,
                size_t rank) {
  Samples out;
  for (const auto& sample : samples) {
    std::vector<double> sum = mean;
    for (size_t r = 0; r < rank; r++) {
      double share = 0;
      for (size_t d = 0; d < mean.size(); d++) share += (sample[d] - mean[d]) * directions[r][d];
      for (size_t d = 0; d < mean.size(); d++) sum[d] += share * directions[r][d];
    }
    out.emplace_back(sum.begin(), sum.end());
  }
  return out;
}

// More samples than take part in one matrix product. What is left to differ is fp32's rounding of
// values up to 30.
TEST(Pca, IsThatOfJacobi) {
  const Samples samples = correlated(1500, falling(12));
  const Pca pca(samples);
  const ReferencePca reference(samples);
  EXPECT_EQ(pca.dimension(), 12);
  ASSERT_EQ(pca.rank_available(), 12);
  for (size_t r = 0; r < 12; r++)
    EXPECT_NEAR(pca.variances()[r], reference.variances[r], 1e-12 * reference.variances[0]) << r;
  for (size_t rank = 0; rank <= 12; rank++)
    EXPECT_LT(largest_difference(pca.reconstruct(samples, int64_t(rank)),
                                 project(samples, reference.mean, reference.directions, rank)),
              1e-5)
        << rank;
}

TEST(Pca, ErrorIsTheSumOfTheVariancesLeftOut) {
  const Samples samples = correlated(1500, falling(12));
  const Pca pca(samples);
  const auto& variances = pca.variances();
  for (int64_t rank = 0; rank <= 12; rank++) {
    const double left_out = std::accumulate(variances.begin() + rank, variances.end(), 0.0);
    EXPECT_NEAR(mean_error(samples, pca.reconstruct(samples, rank)), left_out,
                1e-6 * left_out + 1e-10)
        << rank;
  }
}

// Whole numbers, so that rounding does not lead out of the plane.
TEST(Pca, SamplesOfAPlaneNeedItsDimensions) {
  std::mt19937 words(1);
  const auto draw = [&] {
    std::vector<float> sample(40);
    const int a = int(words() % 21) - 10, b = int(words() % 21) - 10, c = int(words() % 21) - 10;
    for (int d = 0; d < 40; d++)
      sample[size_t(d)] = float(5 + a * (d % 3) + b * (d % 5 - 2) + c * (d % 7 == 0));
    return sample;
  };
  Samples samples, others;
  for (int n = 0; n < 200; n++) samples.push_back(draw());
  for (int n = 0; n < 50; n++) others.push_back(draw());
  const Pca pca(samples);
  EXPECT_EQ(pca.dimension(), 40);
  ASSERT_EQ(pca.rank_available(), 3);
  EXPECT_LT(largest_difference(pca.reconstruct(samples, 3), samples), 1e-4);
  EXPECT_LT(largest_difference(pca.reconstruct(others, 3), others), 1e-4);
  EXPECT_GT(largest_difference(pca.reconstruct(others, 2), others), 1);
}

TEST(Pca, FewSamplesHaveOneRankLessThanTheirNumber) {
  const Samples samples = correlated(5, falling(40));
  const Pca pca(samples);
  ASSERT_EQ(pca.rank_available(), 4);
  EXPECT_LT(largest_difference(pca.reconstruct(samples, 4), samples), 1e-5);
  // With few values a sample, rounding reaches the size that it is judged by.
  for (uint64_t seed = 0; seed < 200; seed++)
    EXPECT_EQ(Pca(correlated(3, falling(3), seed)).rank_available(), 2) << seed;
}

TEST(Pca, SamplesThatAreOneHaveRankZero) {
  const std::vector<float> one = {0.1f, 0.2f, 0.7f};
  for (const Samples& samples : {Samples{one}, Samples(9, one)}) {
    const Pca pca(samples);
    ASSERT_EQ(pca.rank_available(), 0);
    EXPECT_LT(largest_difference(pca.reconstruct(Samples{{5, -3, 0}}, 0), {one}), 1e-7);
  }
}

// Of crops that it was not fitted to: what is reconstructed is left alone by the same rank and by
// higher ones, and a lower one gets from it what it gets from the crop.
TEST(Pca, RanksAreNestedProjections) {
  const Pca pca(correlated(300, falling(24)));
  const Samples crops = correlated(20, falling(24), 2);
  const Samples at_8 = pca.reconstruct(crops, 8), at_3 = pca.reconstruct(crops, 3);
  EXPECT_LT(largest_difference(pca.reconstruct(at_8, 8), at_8), 1e-4);
  EXPECT_LT(largest_difference(pca.reconstruct(at_8, 24), at_8), 1e-4);
  EXPECT_LT(largest_difference(pca.reconstruct(at_8, 3), at_3), 1e-4);
  const Samples mean = pca.reconstruct(crops, 0);
  for (size_t n = 0; n < crops.size(); n++)  // Pythagoras: they are orthogonal
    EXPECT_NEAR(squared_distance(crops[n], mean[n]),
                squared_distance(crops[n], at_8[n]) + squared_distance(at_8[n], mean[n]),
                1e-5 * squared_distance(crops[n], mean[n]));
}

TEST(Pca, CropsDoNotDependOnTheirNeighbours) {
  const Pca pca(correlated(300, falling(24)));
  const Samples crops = correlated(1100, falling(24), 2), together = pca.reconstruct(crops, 5);
  for (const size_t n : {0, 1023, 1024, 1099})
    EXPECT_LT(largest_difference(pca.reconstruct(std::span(&crops[n], 1), 5), {together[n]}), 1e-4);
  EXPECT_TRUE(pca.reconstruct({}, 5).empty());
}

// Crops of photograph-like pictures, and the directions that a JPEG would take: the cosines of 8x8
// pixels by rising frequency, for grey before colour.
TEST(Pca, LeavesLessThanTheCosineTransform) {
  Samples crops;
  for (uint64_t index = 0; index < 12; index++) {
    const Picture picture = dead_leaves(index, 64);
    for (int64_t y = 0; y < 64; y += 8)
      for (int64_t x = 0; x < 64; x += 8) {
        std::vector<float>& crop = crops.emplace_back();
        for (int64_t i = 0; i < 8; i++)
          crop.insert(crop.end(), picture.values.begin() + ((y + i) * 64 + x) * 3,
                      picture.values.begin() + ((y + i) * 64 + x + 8) * 3);
      }
  }
  Matrix cosines;
  const Matrix colours = {{1, 1, 1}, {1, -1, 0}, {1, 1, -2}};
  for (const auto& colour : colours)
    for (int sum = 0; sum <= 14; sum++)
      for (int u = std::max(0, sum - 7); u <= std::min(7, sum); u++) {
        std::vector<double>& wave = cosines.emplace_back();
        for (int i = 0; i < 8; i++)
          for (int j = 0; j < 8; j++)
            for (const double weight : colour)
              wave.push_back(weight * std::cos(std::numbers::pi * u * (i + 0.5) / 8) *
                             std::cos(std::numbers::pi * (sum - u) * (j + 0.5) / 8));
        const double length =
            std::sqrt(std::inner_product(wave.begin(), wave.end(), wave.begin(), 0.0));
        for (double& value : wave) value /= length;
      }
  const Pca pca(crops);
  std::vector<double> mean(192);
  for (const auto& crop : crops)
    for (size_t d = 0; d < 192; d++) mean[d] += crop[d] / double(crops.size());
  for (const size_t rank : {1, 4, 16, 64, 128, 191})
    EXPECT_LT(mean_error(crops, pca.reconstruct(crops, int64_t(rank))),
              mean_error(crops, project(crops, mean, cosines, rank)))
        << rank;
  EXPECT_LT(mean_error(crops, project(crops, mean, cosines, 192)), 1e-10);  // they are a basis
}

template <class F>
void expect_error(const F& act, const std::string& words) {
  try {
    act();
    ADD_FAILURE() << "no error: " << words;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(Pca, RefusesSamplesWithoutAMeaning) {
  expect_error([] { Pca({}); }, "at least one sample");
  expect_error([] { Pca(Samples(3)); }, "at least one value");
  expect_error([] { Pca(Samples{{1, 2}, {3, 4}, {5}}); }, "sample 2 of a PCA has 1 values");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    expect_error([=] { Pca(Samples{{1, 2}, {3, bad}}); }, "not finite");
}

TEST(Pca, RefusesRanksAndCropsThatDoNotFit) {
  const Pca pca(correlated(4, falling(6)));
  const Samples crops = correlated(2, falling(6));
  expect_error([&] { pca.reconstruct(crops, -1); }, "ranks from 0 to 3, not -1");
  expect_error([&] { pca.reconstruct(crops, 4); }, "ranks from 0 to 3, not 4");
  expect_error(
      [&] {
        pca.reconstruct(Samples{crops[0], {1, 2}}, 2);
      },
      "crop 1 has 2 values, the samples of its PCA have 6");
}

}  // namespace
}  // namespace dae::test
