#include "kernels/conv3x3_mma.h"

#include <fmt/format.h>

#include <array>

#include "kernels/conv3x3_mma_weights.h"
#include "runtime/error.h"
#include "tests/support/reference_conv.h"
#include "tests/support/said.h"

namespace dae::test {
namespace {

// A sum of 9 C products of values up to 1, whose order the hardware chooses: each of the additions
// may be off by a rounding of a partial sum, which is seldom larger than 8.
Tolerance tolerance(int64_t channels) {
  return {1e-7 * static_cast<double>(9 * channels), 0, "f32 sums in any order"};
}

constexpr DType kBf16 = DType::bf16;

std::vector<OpCase> cases() {
  std::vector<OpCase> list;
  // Less than a tile, one, a row and a column more, several; one image, none, two.
  for (const auto& [s, relu] : std::vector<std::pair<Shape, bool>>{{{1, 1, 1, 32}, false},
                                                                   {{1, 5, 3, 64}, true},
                                                                   {{1, 16, 16, 32}, false},
                                                                   {{2, 17, 9, 32}, true},
                                                                   {{1, 3, 33, 32}, false},
                                                                   {{1, 18, 17, 64}, false},
                                                                   {{0, 4, 4, 32}, true}}) {
    const ConvSpec spec{.x = s, .y = s, .relu = relu};
    list.push_back(
        {.name = to_string(s) + (relu ? "_relu" : ""),
         .args = {{.name = "x", .shape = s, .dtype = kBf16},
                  {.name = "w", .shape = spec.weights(), .dtype = kBf16},
                  {.name = "b", .shape = {s[3]}, .dtype = kBf16},
                  {.name = "y", .shape = s, .role = Role::out, .dtype = kBf16}},
         .run = [relu = relu](const Queue& q,
                              const auto& t) { conv3x3_mma(q, t[0], t[1], t[2], t[3], relu); },
         .reference = [=](auto& v) { v[3] = conv_forward(spec, v[0], v[1], v[2], {}); },
         .tolerance = tolerance(s[3]),
         .gpu_only = true});
  }
  return list;
}

DAE_OP_TEST(Conv3x3Mma, cases());

std::vector<OpCase> weight_cases() {
  std::vector<OpCase> list;
  // One tile; a run of four; a run and two more tiles; none. Of one the values are any: there the
  // order of the sums shows, which must be the same in every run.
  for (const auto& [s, any] : std::vector<std::pair<Shape, bool>>{{{1, 1, 1, 32}, false},
                                                                  {{2, 17, 9, 32}, true},
                                                                  {{1, 33, 17, 32}, false},
                                                                  {{1, 3, 18, 64}, false},
                                                                  {{0, 4, 4, 32}, false}}) {
    const ConvSpec spec{.x = s, .y = s};
    const Values x = any ? Values{} : eighths(s, 1), dy = any ? Values{} : eighths(s, 2);
    list.push_back(
        {.name = to_string(s),
         .args = {{.name = "x", .shape = s, .dtype = kBf16, .values = x},
                  {.name = "dy", .shape = s, .dtype = kBf16, .values = dy},
                  {.name = "dw", .shape = spec.weights(), .role = Role::out, .dtype = kBf16},
                  {.name = "workspace",
                   .shape = {conv3x3_mma_weights_workspace_count(s)},
                   .role = Role::scratch}},
         .run = [](const Queue& q,
                   const auto& t) { conv3x3_mma_weights(q, t[0], t[1], t[2], t[3]); },
         .reference = [=](auto& v) { v[2] = conv_backward_weights(spec, v[0], v[1]); },
         .tolerance = any ? Tolerance{3e-4, 0, "f32 sums of 306 products"} : Tolerance{},
         .gpu_only = true});
  }
  return list;
}

DAE_OP_TEST(Conv3x3MmaWeights, weight_cases());

TEST(Conv3x3Mma, RefusesWhatTensorCoresCannot) {
  alignas(16) BFloat16 data[64 * 9 * 64] = {};
  const auto bf16 = [&](Shape shape) { return Tensor{data, shape, DType::bf16}; };
  const Tensor map = bf16({1, 2, 2, 32}), w = bf16({32, 3, 3, 32}), b = bf16({32});
  const Queue gpu{Device::cuda};
  EXPECT_THROW(conv3x3_mma(Queue{}, map, w, b, map, false), Error) << "the CPU";
  EXPECT_THROW(conv3x3_mma(gpu, map, w, b, bf16({1, 2, 3, 32}), false), Error);
  EXPECT_THROW(conv3x3_mma(gpu, map, bf16({32, 3, 3, 64}), b, map, false), Error);
  EXPECT_THROW(conv3x3_mma(gpu, bf16({1, 2, 2, 16}), w, b, map, false), Error);
  EXPECT_THROW(conv3x3_mma(gpu, map, w, Tensor{data, {32}}, map, false), Error) << "an f32 bias";
  EXPECT_THROW(conv3x3_mma_weights(gpu, map, map, w, Tensor{data, {7}}), Error) << "no workspace";
  // Each alone half of what is copied at once from where it may begin.
  for (const auto& [k, what] : {std::pair(0, "x (bf16 1x2x2x32)"),
                                {1, "w (bf16 32x3x3x32)"},
                                {2, "b (bf16 32)"},
                                {3, "y (bf16 1x2x2x32)"}}) {
    std::array<Tensor, 4> t = {map, w, b, map};
    t[static_cast<size_t>(k)].data = data + 4;
    EXPECT_EQ(said([&] { conv3x3_mma(gpu, t[0], t[1], t[2], t[3], false); }),
              fmt::format("conv3x3_mma: {} starts at {}, which is not a multiple of 16 bytes", what,
                          static_cast<void*>(data + 4)));
  }
}

}  // namespace
}  // namespace dae::test
