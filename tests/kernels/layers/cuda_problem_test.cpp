// The words for a convolution, by which the engine that was chosen for it is found again.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kernels/layers/cuda_libraries.h"

namespace dae::test {
namespace {

using cuda_libraries::Convolution;
using cuda_libraries::Direction;

// A problem that differs from the first in one field has other words.
TEST(ConvolutionInWords, TellEachFieldFromEveryOther) {
  using Change = void (*)(Convolution&);
  const std::string shapes = "16x64x48x32 by 64x3x3x32 to 16x64x48x64",
                    first = "forward of f32 " + shapes + ", stride 1";
  for (const auto& [words, change] : std::vector<std::pair<std::string, Change>>{
           {first, [](Convolution&) {}},
           {"data gradient of f32 " + shapes + ", stride 1",
            [](Convolution& p) { p.direction = Direction::backward_data; }},
           {"weight gradient of f32 " + shapes + ", stride 1",
            [](Convolution& p) { p.direction = Direction::backward_weights; }},
           {"forward of bf16 " + shapes + ", stride 1",
            [](Convolution& p) { p.dtype = DType::bf16; }},
           {"forward of f32 8x64x48x32 by 64x3x3x32 to 16x64x48x64, stride 1",
            [](Convolution& p) {
              p.x = {8, 64, 48, 32};
            }},
           {"forward of f32 16x64x48x32 by 64x1x1x32 to 16x64x48x64, stride 1",
            [](Convolution& p) {
              p.w = {64, 1, 1, 32};
            }},
           {"forward of f32 16x64x48x32 by 64x3x3x32 to 16x32x24x64, stride 1",
            [](Convolution& p) {
              p.y = {16, 32, 24, 64};
            }},
           {"forward of f32 " + shapes + ", stride 2", [](Convolution& p) { p.stride = 2; }},
           {first + ", bias", [](Convolution& p) { p.bias = true; }},
           {first + ", addend", [](Convolution& p) { p.addend = true; }},
           {first + ", ReLU", [](Convolution& p) { p.relu = true; }},
           {first + ", ReLU gradient", [](Convolution& p) { p.gate = true; }},
           {first + ", channel sums", [](Convolution& p) { p.sums = true; }},
           {first + ", bias, addend, ReLU, ReLU gradient, channel sums",
            [](Convolution& p) { p.bias = p.addend = p.relu = p.gate = p.sums = true; }}}) {
    Convolution problem{.direction = Direction::forward,
                        .x = {16, 64, 48, 32},
                        .w = {64, 3, 3, 32},
                        .y = {16, 64, 48, 64}};
    change(problem);
    EXPECT_EQ(describe(problem), words);
  }
}

TEST(ConvolutionInWords, AreThoseOfTheHeader) {
  EXPECT_EQ(describe(Convolution{.direction = Direction::backward_data,
                                 .x = {16, 64, 64, 32},
                                 .w = {32, 3, 3, 32},
                                 .y = {16, 64, 64, 32},
                                 .addend = true,
                                 .dtype = DType::bf16}),
            "data gradient of bf16 16x64x64x32 by 32x3x3x32 to 16x64x64x32, stride 1, addend");
}

}  // namespace
}  // namespace dae::test
