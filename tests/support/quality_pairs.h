// The image pairs of fixtures/quality.json, with what scikit-image and numpy give for them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "runtime/picture.h"
#include "tests/support/json_file.h"
#include "tests/support/said.h"

namespace dae::test {

struct Picture {
  int64_t height = 0, width = 0;
  std::vector<float> values = {};

  FloatView view() const { return {values.data(), height, width}; }
};

// `part` is "pairs" or "srgb_to_lab". By value: a loop over a part of a temporary would read freed
// memory.
inline nlohmann::json quality_fixture(const char* part) {
  return json_fixture("quality.json").at(part);
}

// `which` is "clean" or "other".
inline Picture picture_of(const nlohmann::json& pair, const char* which) {
  Picture picture{pair.at("height"), pair.at("width")};
  for (const int code : pair.at(which)) picture.values.push_back(static_cast<float>(code) / 255.0f);
  return picture;
}

// A height x width picture of value(pixel, channel).
template <class F>
Picture make_picture(int64_t height, int64_t width, const F& value) {
  Picture picture{height, width};
  for (int64_t i = 0; i < height * width; i++)
    for (int64_t c = 0; c < 3; c++) picture.values.push_back(static_cast<float>(value(i, c)));
  return picture;
}

// In [0.2, 0.8), without structure; the same on every machine.
inline double texture(int64_t pixel, int64_t channel) {
  const auto mixed = static_cast<uint32_t>(pixel * 3 + channel + 1) * 2654435761u;
  return 0.2 + 0.6 * ((mixed >> 8) % 1000) / 1000.0;
}

// `compare` refuses pictures that differ in a single side from one of height x width.
template <class F>
void expect_one_size(int64_t height, int64_t width, const F& compare) {
  const Picture a = make_picture(height, width, texture);
  for (const auto& [h, w] : {std::pair{height + 1, width}, {height, width + 1}}) {
    const Picture b = make_picture(h, w, texture);
    EXPECT_EQ(said([&] { compare(a.view(), b.view()); }),
              fmt::format("quality: images of {}x{} and {}x{} pixels cannot be compared", width,
                          height, w, h));
  }
}

// JSON null stands for "infinite" in a PSNR and for "none" (NaN) in an SSIM.
inline double number_or(const nlohmann::json& value, double if_null) {
  return value.is_null() ? if_null : value.get<double>();
}

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Equal to `tolerance`, or both NaN, or both the same infinity.
inline bool agree(double got, double want, double tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want)) return got == want;
  return std::abs(got - want) <= tolerance;
}

}  // namespace dae::test
