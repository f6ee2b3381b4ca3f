// The study of edges against a second derivation: columns of the edge alone, which hold all that a
// picture tells (rows and channels are repetitions), drawn and summed here in fp64.
#include "laboratory/edge_study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <utility>

#include "laboratory/edge_page.h"
#include "runtime/device.h"
#include "tests/support/html_tags.h"
#include "tests/support/json_file.h"
#include "tests/support/op_case.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

using Columns = std::vector<double>;  // of an edge, 16; contrast about zero

// Every edge and its mirror image.
std::vector<Columns> edges_of(int places_a_pixel, double contrast) {
  std::vector<Columns> edges;
  for (int shift = -4 * places_a_pixel; shift <= 4 * places_a_pixel; shift++) {
    Columns edge;
    for (int j = 0; j < 16; j++)
      edge.push_back(contrast *
                     (std::clamp(j + 1 - (8 + double(shift) / places_a_pixel), 0.0, 1.0) - 0.5));
    edges.push_back(edge);
    edges.emplace_back(edge.rbegin(), edge.rend());
  }
  return edges;
}

// How likely each is, given the columns under noise.
std::vector<double> posterior_of(const std::vector<Columns>& edges, const Columns& seen,
                                 double sigma) {
  std::vector<double> weights;
  double all = 0;
  for (const Columns& edge : edges) {
    double squares = 0;
    for (size_t j = 0; j < 16; j++) squares += std::pow(seen[j] - edge[j], 2);
    all += weights.emplace_back(std::exp(-squares / (2 * sigma * sigma)));
  }
  for (double& weight : weights) weight /= all;
  return weights;
}

double absolute_error(const std::vector<Columns>& edges, const std::vector<double>& weights,
                      size_t column, double answer) {
  double error = 0;
  for (size_t k = 0; k < edges.size(); k++)
    error += weights[k] * std::abs(edges[k][column] - answer);
  return error;
}

struct ColumnAnswers {
  double mmse = 0, median_squares = 0, mean_absolute = 0, median_absolute = 0;
};

ColumnAnswers answers_of_columns(double contrast, double sigma) {
  const std::vector<Columns> edges = edges_of(kEdgesPerPixel, contrast);
  std::set<double> levels[16];  // that a column takes at all
  for (const Columns& edge : edges)
    for (size_t j = 0; j < 16; j++) levels[j].insert(edge[j]);
  const double mean_sigma = sigma / std::sqrt(48.0);
  std::mt19937_64 words(5);
  std::normal_distribution<double> normal(0, mean_sigma);
  ColumnAnswers sums;
  const size_t draws = edges.size() * 10;
  for (size_t draw = 0; draw < draws; draw++) {
    const Columns& clean = edges[draw % edges.size()];
    Columns seen;
    for (const double value : clean) seen.push_back(value + normal(words));
    const std::vector<double> weights = posterior_of(edges, seen, mean_sigma);
    for (size_t j = 0; j < 16; j++) {
      double mean = 0;
      for (size_t k = 0; k < edges.size(); k++) mean += weights[k] * edges[k][j];
      double median = contrast, least = 1e9;
      for (const double candidate : levels[j]) {
        const double risk = absolute_error(edges, weights, j, candidate);
        if (risk < least) least = risk, median = candidate;
      }
      const double share = 1.0 / (16 * double(draws));
      sums.mmse += share * std::pow(mean - clean[j], 2);
      sums.median_squares += share * std::pow(median - clean[j], 2);
      sums.mean_absolute += share * std::abs(mean - clean[j]);
      sums.median_absolute += share * std::abs(median - clean[j]);
    }
  }
  return sums;
}

double median_of(const std::vector<Columns>& edges, const std::vector<double>& weights,
                 size_t column) {
  std::vector<std::pair<double, double>> values;
  for (size_t k = 0; k < edges.size(); k++) values.emplace_back(edges[k][column], weights[k]);
  std::sort(values.begin(), values.end());
  size_t at = 0;
  for (double below = values[0].second; below < 0.5;) below += values[++at].second;
  return values[at].first;
}

// What edge_study.h says of places: the absolute error of the median for places at any shift (256 a
// pixel), above that of the median for the places there are.
TEST(EdgeStudy, PlacesAreCloseEnoughForARamp) {
  constexpr double kSigma = 1.0 / 8;
  const std::vector<Columns> any_shift = edges_of(256, 1);
  const auto above = [&](int places_a_pixel) {
    const std::vector<Columns> edges = edges_of(places_a_pixel, 1);
    std::mt19937_64 words(7);
    std::normal_distribution<double> normal(0, kSigma);
    double ramp = 0, staircase = 0;
    for (size_t draw = 0; draw < 500; draw++) {
      Columns seen;
      for (const double value : edges[words() % edges.size()])
        seen.push_back(value + normal(words));
      const std::vector<double> fine = posterior_of(any_shift, seen, kSigma),
                                weights = posterior_of(edges, seen, kSigma);
      for (size_t j = 0; j < 16; j++) {
        ramp += absolute_error(edges, weights, j, median_of(any_shift, fine, j));
        staircase += absolute_error(edges, weights, j, median_of(edges, weights, j));
      }
    }
    return ramp / staircase - 1;
  };
  EXPECT_NEAR(above(8), 0.048, 0.004);
  EXPECT_NEAR(above(16), 0.010, 0.001);
  EXPECT_NEAR(above(kEdgesPerPixel), 0.0025, 0.0003);
}

EdgeStudyOptions quick(uint64_t steps) {
  EdgeStudyOptions options;
  options.network.latent = 32;
  options.schedule = {.peak = 5e-3, .warmup = 4, .total = steps};
  options.l1_factor = 1;
  options.batch = 66;
  options.rounds = 16;
  return options;
}

TEST(EdgeStudy, BestAnswersAreThoseOfTheColumns) {
  for (const double strength : {1.0, 4.0}) {
    const EdgePoint point = *study_edge(quick(1), strength);
    EXPECT_NEAR(point.contrast * std::sqrt(48.0) / point.sigma, strength, 1e-9);
    const ColumnAnswers want = answers_of_columns(point.contrast, point.sigma);
    // Both are means over draws: of 1056 pictures here, of 5140 there.
    EXPECT_NEAR(point.mmse / want.mmse, 1, 0.05) << strength;
    EXPECT_NEAR(point.mean.mse / want.mmse, 1, 0.12) << strength;
    EXPECT_NEAR(point.median.mse / want.median_squares, 1, 0.12) << strength;
    EXPECT_NEAR(point.mean.absolute / want.mean_absolute, 1, 0.08) << strength;
    EXPECT_NEAR(point.median.absolute / want.median_absolute, 1, 0.08) << strength;
    EXPECT_LT(point.median.absolute, point.mean.absolute);
    EXPECT_LT(point.mean.mse, point.median.mse);
    EXPECT_LT(point.median.variance.value, point.mean.variance.value) << "the mean blurs more";
  }
}

// E|f - x|^2 = MMSE + E|f - E[x|y]|^2: the excess is not fitted to, it adds up; so does what is
// expected of absolute errors. And training lowers both.
TEST(EdgeStudy, ExcessAddsUpAndTrainingLowersIt) {
  EdgeStudyOptions options = quick(1600);
  options.network = EdgeStudyOptions{}.network;
  const EdgePoint start = *study_edge(quick(1), 2), later = *study_edge(options, 2);
  for (const EdgePoint* const p : {&start, &later}) {
    EXPECT_NEAR(p->by_mse.mse / (p->mmse * (1 + p->mse_excess.value)), 1, 0.08);
    EXPECT_NEAR(p->by_l1.absolute / (p->least_absolute * (1 + p->l1_excess.value)), 1, 0.08);
    EXPECT_NEAR(p->median.absolute / p->least_absolute, 1, 0.08);
  }
  EXPECT_LT(later.mse_excess.value, start.mse_excess.value / 10);
  EXPECT_LT(later.l1_excess.value, start.l1_excess.value / 10);
  EXPECT_LT(later.by_mse.mse, later.by_l1.mse) << "each is best by its own loss";
  EXPECT_LT(later.by_l1.absolute, later.by_mse.absolute);
  EXPECT_EQ(later.mse_excess.without.size(), 16u);
}

class EdgeStudyTest : public testing::TestWithParam<Device> {};

TEST_P(EdgeStudyTest, LearnsWhatTheCpuLearns) {
  if (GetParam() == Device::cpu) GTEST_SKIP() << "is what a GPU is held against";
  if (!cuda_available()) GTEST_SKIP() << why_no_cuda();
  EdgeStudyOptions options = quick(4);
  options.batch = 8;
  options.rounds = 2;
  const EdgePoint want = *study_edge(options, 2);
  options.device = GetParam();
  const EdgePoint got = *study_edge(options, 2);
  EXPECT_NEAR(got.mmse / want.mmse, 1, 1e-4);
  EXPECT_NEAR(got.mse_excess.value / want.mse_excess.value, 1, 1e-3);
  EXPECT_NEAR(got.l1_excess.value / want.l1_excess.value, 1, 1e-3);
}
INSTANTIATE_TEST_SUITE_P(Devices, EdgeStudyTest, testing::ValuesIn(tested_devices()), device_name);

// The rise of its rate is as many times as long as its steps.
TEST(EdgeStudy, ByAbsoluteErrorItTrainsTimesAsLong) {
  EdgeStudyOptions options = quick(4);
  options.l1_factor = 3;
  options.rounds = 2;
  std::map<LossKind, int64_t> steps;
  options.progress = [&](double, LossKind loss, int64_t step) {
    steps[loss] = step;
    return true;
  };
  EXPECT_TRUE(study_edge(options, 2));
  EXPECT_EQ(steps, (std::map<LossKind, int64_t>{{LossKind::mse, 4}, {LossKind::l1, 12}}));
  EXPECT_EQ(schedule_of(options, LossKind::l1).warmup,
            3 * schedule_of(options, LossKind::mse).warmup);
}

TEST(EdgeStudy, KeepsItsNetworksAndFindsThemAgain) {
  const TemporaryFolder temporary;
  EdgeStudyOptions options = quick(4);
  options.rounds = 2;
  options.folder = temporary.file("edges");
  int trained = 0;
  options.progress = [&](double, LossKind, int64_t step) {
    trained += step == 4;
    return true;
  };
  const EdgePoint first = *study_edge(options, 2);
  EXPECT_EQ(trained, 2);
  const EdgePoint again = *study_edge(options, 2);
  EXPECT_EQ(trained, 2) << "trained again";
  EXPECT_EQ(first.mse_excess.value, again.mse_excess.value);
  EXPECT_EQ(first.l1_excess.value, again.l1_excess.value);
  options.seed = 2;  // another recipe
  EXPECT_TRUE(study_edge(options, 2));
  EXPECT_EQ(trained, 4);
  options.seed = 3;
  options.progress = [](double, LossKind loss, int64_t step) {
    return loss == LossKind::mse || step < 2;
  };
  EXPECT_FALSE(study_edge(options, 2)) << "ended by progress";
}

TEST(EdgeStudy, PageHoldsEveryStrengthAndNothingFromOutside) {
  EdgeStudyOptions options = quick(1);
  options.rounds = 2;
  std::vector<EdgePoint> points = {*study_edge(options, 2), *study_edge(options, 8)};
  points[1].by_mse.variance = {std::nan(""), {}};  // an output that holds nothing of the edge
  const std::string page = edge_section(options, points);
  for (const char* outside : {"http://", "https://", "<script", "<link", "url("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_NE(page.find("at 0 of 2 strengths"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(wrong_tags(page), "");
  const nlohmann::json json = to_json(options, points);
  ASSERT_EQ(json["strengths"].size(), 2u);
  EXPECT_EQ(json["strengths"][1]["mmse"], points[1].mmse);
  EXPECT_EQ(json["strengths"][0]["mse_excess"]["mean"], points[0].mse_excess.value);
  EXPECT_EQ(keys_of(json), "batch l1_steps seed steps strengths");
  EXPECT_EQ(keys_of(json["strengths"][0]),
            "contrast l1_excess l1_network least_absolute_error mean median mmse mse_excess "
            "mse_network sigma strength");
  EXPECT_EQ(keys_of(json["strengths"][0]["mean"]), "absolute_error blur_variance mse");
  EXPECT_EQ(json["strengths"][1]["strength"], 8);
  for (const auto& [key, answer] : {std::pair{"mean", &EdgePoint::mean},
                                    {"median", &EdgePoint::median},
                                    {"mse_network", &EdgePoint::by_mse},
                                    {"l1_network", &EdgePoint::by_l1}}) {
    EXPECT_EQ(json["strengths"][0][key]["mse"], (points[0].*answer).mse) << key;
    EXPECT_EQ(json["strengths"][0][key]["absolute_error"], (points[0].*answer).absolute) << key;
  }
}

}  // namespace
}  // namespace dae::test
