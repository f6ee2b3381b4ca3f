#include "kernels/perceptual_loss.h"

#include <cmath>

#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

constexpr int64_t kChunk = 3072;
const Tolerance kSums{1e-6, 4e-6, "f32 sums of 3072 elements"};

OpCase picture_case(const Shape& s, size_t misalign = 0) {
  Values codes;
  for (int64_t i = 0; i < s.count(); i++) codes.push_back(double(i * 37 % 256));
  return {
      .name = "picture_" + to_string(s) + (misalign ? "_misaligned" : ""),
      .args = {{.name = "x", .shape = s, .dtype = DType::u8, .values = codes, .misalign = misalign},
               {.name = "y", .shape = s, .role = Role::out, .misalign = 4 * misalign}},
      .run = [](const Queue& q, const auto& t) { unit_picture(q, t[0], t[1]); },
      .reference =
          [](auto& v) {
            for (size_t i = 0; i < v[0].size(); i++)
              v[1][i] = double{static_cast<float>(v[0][i] / 255)};
          },
      .tolerance = {.why = "correctly rounded"}};
}

// Chunks are in memory order: a blocked case must fit into one.
OpCase distance_case(const Shape& s, int block = 1, size_t misalign = 0) {
  const float scale = 0.7f / static_cast<float>(s.count());
  const int64_t chunks = (s.count() + kChunk - 1) / kChunk;
  Tolerance tolerance = kSums;
  tolerance.absolute = 4e-7 * scale;
  return {
      .name = "distance_" + to_string(s) + (block > 1 ? "_blocked" : "") +
              (misalign ? "_misaligned" : ""),
      .args = {{.name = "x", .shape = s, .block = block, .misalign = misalign},
               {.name = "target", .shape = s, .block = block, .misalign = misalign},
               {.name = "dx", .shape = s, .role = Role::out, .block = block, .misalign = misalign},
               {.name = "sums", .shape = {chunks}, .role = Role::out}},
      .run = [=](const Queue& q,
                 const auto& t) { feature_distance(q, t[0], t[1], scale, t[2], t[3]); },
      .reference =
          [=](auto& v) {
            for (double& sum : v[3]) sum = 0;
            for (size_t i = 0; i < v[0].size(); i++) {
              const double difference = v[0][i] - v[1][i];
              v[2][i] = 2 * double{scale} * difference;
              v[3][i / kChunk] += double{scale} * difference * difference;
            }
          },
      .tolerance = tolerance};
}

OpCase term_case(const Shape& s, float weight, bool first, int64_t parts, size_t misalign = 0) {
  const Role role = first ? Role::out : Role::in_out;
  return {
      .name = "term_" + to_string(s) + (first ? "" : "_added") + (misalign ? "_misaligned" : ""),
      .args = {{.name = "g", .shape = s, .misalign = misalign},
               {.name = "sums", .shape = {parts}, .low = 0, .any_shape = true},
               {.name = "dy", .shape = s, .role = role, .misalign = misalign},
               {.name = "total", .shape = {1}, .role = role},
               {.name = "report", .shape = {2}, .role = Role::out},
               {.name = "workspace",
                .shape = {feature_chunks(s)},
                .role = Role::scratch,
                .any_shape = true}},  // larger ones
      .run =
          [=](const Queue& q, const auto& t) {
            perceptual_loss(
                q, t[0], t[1],
                {.weight = weight, .first = first, .dy = t[2], .total = t[3], .report = t[4]},
                t[5]);
          },
      .reference =
          [=](auto& v) {
            double value = 0, square = 0;
            for (const double sum : v[1]) value += sum;
            for (size_t i = 0; i < v[0].size(); i++) {
              const double g = double{weight} * v[0][i];
              v[2][i] = (first ? 0 : v[2][i]) + g;
              square += g * g;
            }
            v[3][0] = (first ? 0 : v[3][0]) + double{weight} * value;
            v[4] = {value, std::sqrt(square)};
          },
      .tolerance = kSums};
}

std::vector<OpCase> cases() {
  return {picture_case({1, 1, 1, 3}),
          picture_case({2, 5, 7, 3}),
          picture_case({0, 4, 4, 3}),
          picture_case({3, 13, 11, 3}, 1),
          distance_case({1, 1, 1, 1}),
          distance_case({3, 7}),
          distance_case({2, 13, 9, 16}),
          distance_case({2, 13, 9, 15}, 1, 4),
          distance_case({1, 4, 5, 16}, 8),
          term_case({1, 1, 1, 3}, 1, true, 1),
          term_case({2, 37, 29, 3}, 0.3f, true, 700),
          term_case({2, 37, 29, 3}, 2.5f, false, 3, 4)};
}

DAE_OP_TEST(PerceptualLoss, cases());

TEST(PerceptualLoss, SumsHaveTheSameBitsForEveryThreadCount) {
  const Shape shape = {2, 40, 40, 16};
  std::vector<float> x, target;
  for (const double v : random_values(shape.count(), 3)) x.push_back(static_cast<float>(v));
  for (const double v : random_values(shape.count(), 4)) target.push_back(static_cast<float>(v));
  std::vector<float> dx(x.size()), first;
  const int before = threads();
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    std::vector<float> sums(static_cast<size_t>(feature_chunks(shape)));
    feature_distance(Queue{}, {x.data(), shape}, {target.data(), shape}, 1, {dx.data(), shape},
                     {sums.data(), {static_cast<int64_t>(sums.size())}});
    if (first.empty()) first = sums;
    EXPECT_EQ(sums, first) << count << " threads";
  }
  set_threads(before);
}

TEST(PerceptualLoss, RefusesWhatDoesNotFit) {
  float floats[64] = {};
  uint8_t bytes[64] = {};
  const Tensor f{floats, {1, 2, 2, 3}}, u{bytes, {1, 2, 2, 3}, DType::u8}, one{floats, {1}};
  EXPECT_THROW(unit_picture(Queue{}, f, f), Error);
  EXPECT_THROW(unit_picture(Queue{}, u, {floats, {1, 2, 3, 2}}), Error);
  EXPECT_NO_THROW(feature_distance(Queue{}, f, f, 1, f, one));
  EXPECT_THROW(feature_distance(Queue{}, f, {floats, {1, 2, 3, 2}}, 1, f, one), Error);
  EXPECT_EQ(said([&] { feature_distance(Queue{}, u, f, 1, f, one); }),
            "feature_distance: x is u8 1x2x2x3, expected f32");
  EXPECT_EQ(said([&] { feature_distance(Queue{}, f, u, 1, f, one); }),
            "feature_distance: target is u8 1x2x2x3, expected f32");
  EXPECT_EQ(said([&] { feature_distance(Queue{}, f, f, 1, u, one); }),
            "feature_distance: dx is u8 1x2x2x3, expected f32");
  EXPECT_THROW(feature_distance(Queue{}, f, f, 1, f, {floats, {2}}), Error);
  const Tensor none{floats, {0, 2, 2, 3}};
  EXPECT_THROW(feature_distance(Queue{}, none, none, 1, none, {floats, {0}}), Error);
  const LossTerm term{.dy = f, .total = one, .report = {floats, {2}}};
  EXPECT_NO_THROW(perceptual_loss(Queue{}, f, one, term, one));
  EXPECT_THROW(perceptual_loss(Queue{}, {floats, {1, 2, 3, 2}}, one, term, one), Error);
  EXPECT_THROW(perceptual_loss(Queue{}, f, {bytes, {1}, DType::u8}, term, one), Error);
  EXPECT_THROW(perceptual_loss(Queue{}, f, one, term, {floats, {0}}), Error);
}

}  // namespace
}  // namespace dae::test
