// What dump_step writes is one step of training, which another program can repeat.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "data/safetensors.h"
#include "tests/support/programs.h"

namespace dae::test {
namespace {

// Adam's first step, by its formula: the moments without their bias are the gradient and its square.
TEST_F(Programs, DumpStepWritesTheWeightsBeforeAndAfterTheStep) {
  const std::string file = path("step.safetensors");
  ASSERT_EQ(run("dump_step --device cpu --model conv --size 8 --batch 2 --out " + file).code, 0)
      << read("err");
  const Safetensors step(file);
  const auto values = [&](const std::string& name) {
    const Shape& shape = step.tensors().at(name).shape;
    const auto* const first = static_cast<const float*>(step.get(name, shape, DType::f32));
    return std::vector<float>(first, first + shape.count());
  };
  const double rate = values("learning_rate")[0];
  EXPECT_NEAR(rate, 1e-3, 1e-9);
  double squares = 0;
  for (const auto& [name, tensor] : step.tensors()) {
    if (!name.starts_with("weights.")) continue;
    const std::string parameter = name.substr(name.find('.') + 1);
    const std::vector<float> before = values(name), gradients = values("gradients." + parameter),
                             after = values("after." + parameter);
    double worst = 0;
    for (size_t i = 0; i < before.size(); i++) {
      const double g = gradients[i], want = before[i] - rate * g / (std::abs(g) + 1e-8);
      worst = std::max(worst, std::abs(after[i] - want));
      squares += g * g;
    }
    EXPECT_LT(worst, 1e-6) << parameter;
  }
  const double norm = std::sqrt(squares);
  EXPECT_GT(norm, 1e-3);
  EXPECT_LT(norm, 1) << "or the gradient is clipped";
  EXPECT_NEAR(values("gradient_norm")[0], norm, 1e-5 * norm);
}

}  // namespace
}  // namespace dae::test
