#include "kernels/residual_block.h"

#include "kernels/partial_sums.h"
#include "runtime/error.h"
#include "tests/support/reference_conv.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// Sums of eighths() are exact, so h is rounded as the reference's is.
Values rounded(Values values) {
  for (double& v : values) v = to_float(to_bf16(static_cast<float>(v)));
  return values;
}
Values sum(Values a, const Values& b) {
  for (size_t i = 0; i < a.size(); i++) a[i] += b[i];
  return a;
}
Values masked(const Values& gate, Values values) {
  for (size_t i = 0; i < values.size(); i++)
    if (!(gate[i] > 0)) values[i] = 0;
  return values;
}

constexpr DType kBf16 = DType::bf16;
const Tolerance kExact = {0, 0, "exact sums"};

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  // Less than a tile; as high as one; a row and a column more; one image, none, two; more tiles than a run of them has,
  // the last of which ends early.
  for (const Shape& s : {Shape{1, 1, 1, 32}, Shape{1, 16, 2, 32}, Shape{2, 17, 9, 32},
                         Shape{1, 3, 18, 64}, Shape{0, 4, 4, 32}, Shape{3, 17, 17, 32}}) {
    const ConvSpec plain{.x = s, .y = s}, relu{.x = s, .y = s, .relu = true};
    const Shape filters = plain.weights(), biases = {s[3]};
    const Arg w1{.name = "w1", .shape = filters, .dtype = kBf16, .values = eighths(filters, 2, 2)},
        b1{.name = "b1", .shape = biases, .dtype = kBf16, .values = eighths(biases, 3)},
        w2{.name = "w2", .shape = filters, .dtype = kBf16, .values = eighths(filters, 4, 2)},
        b2{.name = "b2", .shape = biases, .dtype = kBf16, .values = eighths(biases, 5)};
    const auto given = [&](const char* name, const Values& values) {
      return Arg{.name = name, .shape = s, .dtype = kBf16, .values = values};
    };
    const auto out = [&](const char* name) {
      return Arg{.name = name, .shape = s, .role = Role::out, .dtype = kBf16};
    };
    const auto forward = [=](auto& v) {
      const Values h = rounded(conv_forward(relu, v[0], v[1], v[2], {}));
      v[5] = conv_forward(plain, h, v[3], v[4], v[0]);
      return h;
    };
    const Arg x = given("x", eighths(s, 1));
    list.push_back(
        {.name = "forward_" + to_string(s),
         .args = {x, w1, b1, w2, b2, out("y"), out("h")},
         .run = [](const Queue& q,
                   const auto& t) { residual_block(q, t[0], t[1], t[2], t[3], t[4], t[6], t[5]); },
         .reference = [=](auto& v) { v[6] = forward(v); },
         .tolerance = kExact,
         .gpu_only = true});
    list.push_back(
        {.name = "without_h_" + to_string(s),
         .args = {x, w1, b1, w2, b2, out("y")},
         .run = [](const Queue& q,
                   const auto& t) { residual_block(q, t[0], t[1], t[2], t[3], t[4], {}, t[5]); },
         .reference = [=](auto& v) { forward(v); },
         .tolerance = kExact,
         .gpu_only = true});
    Values h = eighths(s, 6);
    for (double& v : h) v = v > 0 ? v : 0;
    const auto bias_out = [&](const char* name) {
      return Arg{.name = name, .shape = biases, .role = Role::out, .dtype = kBf16};
    };
    const std::vector<Arg> back = {
        given("dy", eighths(s, 7)),
        w1,
        w2,
        given("h", h),
        out("dh"),
        out("dx"),
        bias_out("db1"),
        bias_out("sum of dx"),
        {.name = "sums", .shape = residual_block_sums(s), .role = Role::scratch}};
    const auto sums_of = [](const auto& t) {
      const Shape rows = {t[8].shape[1], t[8].shape[2]};
      return std::vector<PartialSum>{{{t[8].data, rows}, t[6]},
                                     {{t[8].template as<float>() + rows.count(), rows}, t[7]}};
    };
    const auto backward = [=](auto& v) {
      v[4] = rounded(masked(v[3], conv_backward_data(plain, v[0], v[2])));
      v[5] = sum(v[0], conv_backward_data(plain, v[4], v[1]));
      v[6] = conv_backward_bias(plain, v[4]);
      v[7] = conv_backward_bias(plain, rounded(v[5]));
    };
    list.push_back({.name = "backward_" + to_string(s),
                    .args = back,
                    .run =
                        [=](const Queue& q, const auto& t) {
                          residual_block_backward(q, t[0], t[1], t[2], t[3], t[4], t[5], t[8]);
                          sum_partials(q, sums_of(t));
                        },
                    .reference = backward,
                    .tolerance = kExact,
                    .gpu_only = true});
    if (!suits_filter_sums(s)) continue;
    OpCase with_filters = list.back();
    with_filters.name = "with_filters_" + to_string(s);
    with_filters.args.push_back(
        {.name = "filter_sums", .shape = residual_block_filter_sums(s), .role = Role::scratch});
    with_filters.args.push_back(
        {.name = "dw2", .shape = {filters.count()}, .role = Role::out, .dtype = kBf16});
    with_filters.run = [=](const Queue& q, const auto& t) {
      residual_block_backward(q, t[0], t[1], t[2], t[3], t[4], t[5], t[8], t[9]);
      std::vector<PartialSum> sums = sums_of(t);
      sums.push_back({t[9], t[10]});
      sum_partials(q, sums);
    };
    with_filters.reference = [=](auto& v) {
      backward(v);
      v[10] = conv_backward_weights(plain, v[3], v[0]);
    };
    list.push_back(with_filters);
  }
  return list;
}

DAE_OP_TEST(ResidualBlock, cases());

TEST(ResidualBlock, ReferenceGradientMatchesFiniteDifferences) {
  const ConvSpec plain{.x = {1, 3, 4, 2}, .y = {1, 3, 4, 2}},
      relu{.x = plain.x, .y = plain.y, .relu = true};
  const int64_t weights = plain.weights().count();
  const Values x = random_values(plain.x.count(), 1), w1 = random_values(weights, 2),
               b1 = random_values(2, 3), w2 = random_values(weights, 4), b2 = random_values(2, 5);
  const auto between = [&](const Values& in) { return conv_forward(relu, in, w1, b1, {}); };
  expect_gradient([&](const Values& in) { return conv_forward(plain, between(in), w2, b2, in); },
                  [&](const Values& in, const Values& dy) {
                    const Values dh = masked(between(in), conv_backward_data(plain, dy, w2));
                    return sum(dy, conv_backward_data(plain, dh, w1));
                  },
                  x);
}

TEST(ResidualBlock, RefusesWhatDoesNotFit) {
  alignas(16) BFloat16 data[32 * 9 * 32] = {};
  const auto bf16 = [&](Shape shape) { return Tensor{data, shape, DType::bf16}; };
  const Tensor map = bf16({1, 2, 2, 32}), w = bf16({32, 3, 3, 32}), b = bf16({32}),
               other = bf16({1, 2, 3, 32});
  const Queue gpu{Device::cuda};
  EXPECT_THROW(residual_block(Queue{}, map, w, b, w, b, {}, map), Error) << "the CPU";
  EXPECT_THROW(residual_block(gpu, map, w, b, w, b, other, map), Error);
  EXPECT_THROW(residual_block(gpu, map, w, b, w, b, {}, other), Error);
  EXPECT_THROW(residual_block(gpu, map, w, b, w, bf16({16}), {}, map), Error);
  const auto backward = [&](const Tensor& h, const Tensor& sums) {
    residual_block_backward(gpu, map, w, w, h, map, map, sums);
  };
  const Tensor sums{data, {2, 1, 32}};
  EXPECT_THROW(backward(other, sums), Error);
  EXPECT_THROW(backward(map, Tensor{data, {1, 1, 32}}), Error) << "too few sums";
  // What is said of sums of the filters' gradient, for maps {1, 2, 2, channels}.
  const auto said_of = [&](const Tensor& filter_sums, int64_t channels) {
    const Tensor of = bf16({1, 2, 2, channels}), filters = bf16({channels, 3, 3, channels});
    return said([&] {
      residual_block_backward(gpu, of, filters, filters, of, of, of,
                              {data, residual_block_sums(of.shape)}, filter_sums);
    });
  };
  const Shape one = {1, 9 * 32 * 32};
  for (const auto& [filter_sums, what] :
       {std::pair<Tensor, std::string>{{data, {2, 9 * 32 * 32}},
                                       "filter_sums is f32 2x9216, expected shape"},
        {{data, one, DType::bf16}, "filter_sums is bf16"},
        {{data + 4, one}, "filter_sums (f32 1x9216) starts at"}})
    EXPECT_NE(said_of(filter_sums, 32).find("residual_block_backward: " + what), std::string::npos)
        << said_of(filter_sums, 32);
  EXPECT_NE(said_of({data, {1, 9 * 64 * 64}}, 64).find("are for 32 channels"), std::string::npos);
}

}  // namespace
}  // namespace dae::test
