// fixtures/losses.json: what scikit-image and pytorch-msssim give for pictures that
// make_loss_fixtures.py and this file make of integers alone.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/tensor.h"
#include "tests/support/json_file.h"

namespace dae::test {

struct LossFixture {
  nlohmann::json json;  // what is wanted
  Shape shape;
  std::vector<float> y;  // exact in f32
  std::vector<uint8_t> target;

  // Against json[loss + "_gradient"]: the norm, and every so many-th element.
  void expect_gradient(const std::string& loss, float norm, const std::vector<float>& got) const {
    const nlohmann::json& want = json.at(loss + "_gradient");
    EXPECT_NEAR(norm, want.at("norm"), 2e-5 * want.at("norm").get<double>()) << to_string(shape);
    const std::vector<double> samples = want.at("samples");
    double largest = 0;
    for (const double sample : samples) largest = std::max(largest, std::abs(sample));
    ASSERT_GE(samples.size(), 50u);
    for (size_t i = 0; i < samples.size(); i++)
      EXPECT_NEAR(got[i * want.at("every").get<size_t>()], samples[i], 5e-5 * largest)
          << loss << " " << to_string(shape) << " sample " << i;
  }
};

// As pictures() in make_loss_fixtures.py.
inline LossFixture make_pictures(const Shape& shape) {
  const auto mixed = [](int64_t i) {
    return static_cast<int64_t>(static_cast<uint32_t>(static_cast<uint64_t>(i) * 2654435761u) >>
                                24);
  };
  LossFixture f{{}, shape, {}, {}};
  for (int64_t i = 0; i < shape.count(); i++) {
    const int64_t c = i % 3, x = i / 3 % shape[2], row = i / 3 / shape[2];
    const int64_t wave = std::abs((3 * x + 5 * row + 17 * c) % 128 - 64);
    const int64_t code = 3 * wave + mixed(i) / 8;
    f.target.push_back(static_cast<uint8_t>(code));
    f.y.push_back(static_cast<float>(3 * code + 64 + mixed(i + 1000003)) / 1024.0f);
  }
  return f;
}

inline nlohmann::json loss_fixture_file() {
  return json_fixture("losses.json");
}

inline std::vector<LossFixture> loss_fixtures() {
  std::vector<LossFixture> fixtures;
  const nlohmann::json pictures = loss_fixture_file().at("pictures");
  for (const nlohmann::json& json : pictures) {
    const std::vector<int64_t> dims = json.at("shape");
    fixtures.push_back(make_pictures({dims[0], dims[1], dims[2], dims[3]}));
    fixtures.back().json = json;
  }
  return fixtures;
}

}  // namespace dae::test
