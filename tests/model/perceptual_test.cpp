// The perceptual loss as a plan (model/perceptual.h), its layers included, against fp64 loops of
// the same definition.
#include "model/perceptual.h"

#include <gtest/gtest.h>

#include <cmath>

#include "laboratory/feature_distance.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/program.h"
#include "tests/support/hashed.h"
#include "tests/support/loss_case.h"
#include "tests/support/reference_conv.h"
#include "tests/support/said.h"
#include "tests/support/variants.h"

namespace dae::test {
namespace {

// The layers' activations, in fp64.
std::vector<Values> reference_features(const ParameterSet& parameters, const std::vector<float>& w,
                                       Shape x_shape, Values x, std::vector<ConvSpec>* specs) {
  std::vector<Values> maps;
  for (size_t layer = 0; 2 * layer < parameters.list().size(); layer++) {
    const Parameter &weight = parameters.list()[2 * layer],
                    &bias = parameters.list()[2 * layer + 1];
    const auto values = [&](const Parameter& p) {
      return Values(w.begin() + p.offset, w.begin() + p.offset + p.shape.count());
    };
    const int stride = layer == 0 ? 1 : 2;
    const ConvSpec spec{.x = x_shape,
                        .y = conv_output(x_shape, weight.shape[0], 3, stride, 1),
                        .stride = stride,
                        .relu = true};
    specs->push_back(spec);
    x = conv_forward(spec, x, values(weight), values(bias), {});
    x_shape = spec.y;
    maps.push_back(x);
  }
  return maps;
}

ReferenceTerm reference_term(const ParameterSet& parameters, const std::vector<float>& w,
                             const Shape& shape, const Values& y, const Values& target) {
  Values clean = target;
  for (double& value : clean) value /= 255;
  std::vector<ConvSpec> specs, same;
  const std::vector<Values> found = reference_features(parameters, w, shape, y, &specs),
                            wanted = reference_features(parameters, w, shape, clean, &same);
  ReferenceTerm term;
  Values gradient;
  for (size_t layer = specs.size(); layer-- > 0;) {
    const Values &a = found[layer], &b = wanted[layer];
    const double scale = 1 / (double(a.size()) * double(specs.size()));
    gradient.resize(a.size());
    for (size_t i = 0; i < a.size(); i++) {
      term.value += scale * (a[i] - b[i]) * (a[i] - b[i]);
      gradient[i] += 2 * scale * (a[i] - b[i]);
      if (a[i] <= 0) gradient[i] = 0;
    }
    const Parameter& weight = parameters.list()[2 * layer];
    gradient = conv_backward_data(
        specs[layer], gradient,
        Values(w.begin() + weight.offset, w.begin() + weight.offset + weight.shape.count()));
  }
  term.gradient = gradient;
  return term;
}

struct Case {
  std::vector<int64_t> widths;
  Shape shape;
  const char* name;
};
// Channels that the CPU blocks and others; odd sizes; one layer.
const Case kCases[] = {{{16, 32}, {2, 8, 8, 3}, "blocked"},
                       {{5, 16, 7}, {1, 13, 9, 3}, "odd"},
                       {{4}, {3, 5, 4, 3}, "one_layer"}};

class Perceptual : public testing::TestWithParam<std::tuple<Device, Case>> {};

TEST_P(Perceptual, MatchesFp64) {
  const auto& [device, c] = GetParam();
  if (device == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  const float weight = 0.3f;
  Plan plan;
  ParameterSet none;
  Builder builder(device, plan, none, true);
  const TensorId y = plan.external("y", c.shape),
                 target = plan.external("target", c.shape, DType::u8),
                 dy = plan.external("dy", c.shape), record = plan.external("record", {3});
  add_perceptual_loss(builder, c.widths,
                      {weight, false, y, target, dy, plan.slice(record, "total", 0, {1}),
                       plan.slice(record, "report", 1, {2})});
  const TensorId features = plan.find(kFeatureWeights);
  for (const Step& step : plan.steps()) EXPECT_EQ(step.phase, Phase::loss) << step.op;

  Program program(device, std::move(plan));
  program.allocate();
  const ParameterSet parameters = feature_parameters(c.widths);
  const std::vector<float> weights = hashed_weights(parameters);
  ASSERT_EQ(program.tensor(features).count(), parameters.count());
  const Pictures p = pictures_of(c.shape);
  const std::vector<float> restored(p.y.begin(), p.y.end());
  const std::vector<float> before(restored.size(), 0.125f);
  const std::vector<float> told_before = {0.5f, 0, 0};
  program.write(features, weights.data());
  program.write(y, restored.data());
  program.write(target, std::vector<uint8_t>(p.target.begin(), p.target.end()).data());
  program.write(dy, before.data());
  program.write(record, told_before.data());
  program.run();

  const ReferenceTerm want = reference_term(parameters, weights, c.shape,
                                            Values(restored.begin(), restored.end()), p.target);
  const std::vector<float> gradient = program.floats(dy), told = program.floats(record);
  double square = 0, largest = 0;
  for (const double g : want.gradient) {
    square += g * g;
    largest = std::max(largest, std::abs(g));
  }
  EXPECT_GT(want.value, 1e-4);
  EXPECT_NEAR(told[0], 0.5 + weight * want.value, 1e-5 * want.value + 1e-7);
  EXPECT_NEAR(told[1], want.value, 1e-5 * want.value);
  EXPECT_NEAR(told[2], weight * std::sqrt(square), 1e-4 * weight * std::sqrt(square));
  for (size_t i = 0; i < gradient.size(); i++)
    ASSERT_NEAR(gradient[i], 0.125 + weight * want.gradient[i], 1e-4 * weight * largest + 1e-8)
        << "element " << i;
  EXPECT_EQ(program.floats(features), weights) << "the judge was changed";
}

std::string case_name(const testing::TestParamInfo<Perceptual::ParamType>& info) {
  return tested_name(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;
}
INSTANTIATE_TEST_SUITE_P(Cases, Perceptual,
                         testing::Combine(testing::ValuesIn(tested_devices()),
                                          testing::ValuesIn(kCases)),
                         case_name);

TEST(PerceptualReference, GradientMatchesFiniteDifferences) {
  const Shape shape = {1, 5, 6, 3};
  const ParameterSet parameters = feature_parameters({4, 5, 3});
  const std::vector<float> weights = hashed_weights(parameters);
  const Pictures p = pictures_of(shape);
  expect_gradient(
      [&](const Values& y) {
        return Values{reference_term(parameters, weights, shape, y, p.target).value};
      },
      [&](const Values& y, const Values& dy) {
        Values gradient = reference_term(parameters, weights, shape, y, p.target).gradient;
        for (double& g : gradient) g *= dy[0];
        return gradient;
      },
      p.y);
}

// LPIPS by its definition, position by position.
double reference_distance(const ParameterSet& parameters, const std::vector<float>& w,
                          const Shape& shape, const Values& a, const Values& b) {
  std::vector<ConvSpec> specs, same;
  const std::vector<Values> seen = reference_features(parameters, w, shape, a, &specs),
                            other = reference_features(parameters, w, shape, b, &same);
  double distance = 0;
  for (size_t layer = 0; layer < specs.size(); layer++) {
    const auto channels = static_cast<size_t>(specs[layer].y[3]);
    const size_t positions = seen[layer].size() / channels;
    for (size_t p = 0; p < positions; p++) {
      double length_a = 0, length_b = 0, product = 0;
      for (size_t i = p * channels; i < (p + 1) * channels; i++) {
        length_a += seen[layer][i] * seen[layer][i];
        length_b += other[layer][i] * other[layer][i];
        product += seen[layer][i] * other[layer][i];
      }
      // |u - v|^2 of unit vectors, of which one that is zero everywhere stays zero.
      distance += ((length_a > 0) + (length_b > 0) -
                   (product > 0 ? 2 * product / std::sqrt(length_a * length_b) : 0)) /
                  double(positions * specs.size());
    }
  }
  return distance;
}

class FeatureDistanceTest : public testing::TestWithParam<Device> {};

TEST_P(FeatureDistanceTest, MatchesFp64) {
  if (GetParam() == Device::cuda && !cuda_available()) GTEST_SKIP() << why_no_cuda();
  constexpr int64_t kSize = 11, kPairs = 5;
  const Shape one = {1, kSize, kSize, 3};
  // 16 and 32 channels are blocked on the CPU, 5 are not.
  for (const std::vector<int64_t>& widths : {std::vector<int64_t>{16, 5, 32}, {7}}) {
    const ParameterSet parameters = feature_parameters(widths);
    const FeatureNetwork features{widths, hashed_weights(parameters)};
    FeatureDistance distance(GetParam(), features, kSize, 2);  // the last batch is not full
    const Pictures p = pictures_of({kPairs, kSize, kSize, 3});
    std::vector<float> a(p.y.begin(), p.y.end()), b;
    for (const double code : p.target) b.push_back(static_cast<float>(code) / 255.0f);
    std::copy(a.begin(), a.begin() + one.count(),
              b.begin());  // the first pair is one picture twice
    const std::vector<double> got = distance(a, b);
    ASSERT_EQ(got.size(), size_t{kPairs});
    EXPECT_EQ(got[0], 0);
    for (int64_t i = 1; i < kPairs; i++) {
      const auto cut = [&](const std::vector<float>& all) {
        return Values(all.begin() + i * one.count(), all.begin() + (i + 1) * one.count());
      };
      const double want = reference_distance(parameters, features.values, one, cut(a), cut(b));
      EXPECT_GT(want, 1e-4);
      EXPECT_NEAR(got[static_cast<size_t>(i)], want, 1e-4 * want) << i;
    }
    EXPECT_THROW(distance(a, std::span(b).first(b.size() - 1)), Error);
  }
}
INSTANTIATE_TEST_SUITE_P(Devices, FeatureDistanceTest, testing::ValuesIn(tested_devices()),
                         device_name);

TEST(FeatureNetwork, MustFitTheCrops) {
  EXPECT_NO_THROW(check_features_fit(kFeatureWidths, 8));
  const std::vector<int64_t> four(4, 1);
  EXPECT_EQ(said<FieldError>([&] { check_features_fit(four, 8); }),
            "size 8: the 4 layers of the feature network halve a crop 3 times, which leaves "
            "nothing to compare; choose larger crops or fewer layers");
  EXPECT_NO_THROW(check_features_fit(four, 16));
  EXPECT_THROW(check_features_fit(std::vector<int64_t>(100, 1), 4096), UsageError);
  EXPECT_THROW(check_features_fit({}, 64), Error);
}

// What each layer sees stays the same picture, in units in which every channel's mean
// square is one.
TEST(FeatureNetwork, NormalizingMakesMeanSquaresOneAndChangesNothingElse) {
  const Shape shape = {2, 9, 8, 3};
  const std::vector<int64_t> widths = {4, 6, 5};
  const ParameterSet parameters = feature_parameters(widths);
  FeatureNetwork features{widths, hashed_weights(parameters)};
  const Pictures p = pictures_of(shape);
  std::vector<ConvSpec> specs;
  const std::vector<Values> before =
      reference_features(parameters, features.values, shape, p.y, &specs);
  std::vector<std::vector<double>> squares;
  for (size_t layer = 0; layer < widths.size(); layer++) {
    const auto channels = static_cast<size_t>(widths[layer]);
    squares.emplace_back(channels);
    for (size_t i = 0; i < before[layer].size(); i++)
      squares.back()[i % channels] +=
          before[layer][i] * before[layer][i] * double(channels) / double(before[layer].size());
  }
  normalize(features, squares);
  const std::vector<Values> after =
      reference_features(parameters, features.values, shape, p.y, &specs);
  for (size_t layer = 0; layer < widths.size(); layer++) {
    double all = 0;
    for (const double square : squares[layer]) all += square / double(widths[layer]);
    for (size_t i = 0; i < before[layer].size(); i++) {
      const double square = squares[layer][i % static_cast<size_t>(widths[layer])];
      ASSERT_NEAR(after[layer][i], before[layer][i] / std::sqrt(std::max(square, 0.01 * all)), 2e-5)
          << "layer " << layer << ", element " << i;
    }
  }
  EXPECT_THROW(normalize(features, {{0, 0, 0, 0}, squares[1], squares[2]}), Error);
}

}  // namespace
}  // namespace dae::test
