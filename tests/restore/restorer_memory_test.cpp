// The memory that a restorer is allowed: what it says to need is enough, and its buffers take no
// more.
#include <dae/error.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "restore/restorer.h"
#include "tests/support/op_case.h"
#include "tests/support/said.h"

#if defined(__SANITIZE_ADDRESS__)
TEST(RestorerMemory, WhatItSaysToNeedIsEnough) {
  GTEST_SKIP() << "AddressSanitizer has its own malloc";
}
#else

namespace {

std::atomic<size_t> taken = 0;  // by buffers, all of which are aligned

}  // namespace

extern "C" {
void* __libc_memalign(size_t alignment, size_t bytes);

void* aligned_alloc(size_t alignment, size_t bytes) {
  taken += bytes;
  return __libc_memalign(alignment, bytes);
}
}

namespace dae::test {
namespace {

struct Amount {
  double bytes = 0, step = 0;  // one more of the last digit that is shown
};

// Of "94.1 MiB".
Amount amount_of(const std::string& shown) {
  size_t end = 0;
  const double number = std::stod(shown, &end);
  const std::string unit = shown.substr(end);
  const double size = unit == " KiB" ? 0x1p10 : unit == " MiB" ? 0x1p20 : 0;
  return {number * size, size / 10};
}

// A network that keeps three passes: of tiles, of the crops that give its gain, of the windows that
// give the noise.
TEST(RestorerMemory, WhatItSaysToNeedIsEnough) {
  const NetworkConfig config = {
      .size = 32, .width = 4, .blocks = 1, .levels = 2, .stem = 2, .noise_input = true};
  const ParameterSet parameters = parameters_of(config);
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  parameters.initialize(3, weights.data());
  const auto open = [&](size_t memory) {
    return Restorer(Device::cpu, config, parameters, weights.data(), memory);
  };
  const std::string words = said<FieldError>([&] { open(1024); });
  const std::string begin = "memory of 1.0 KiB is too little: this network needs ";
  ASSERT_TRUE(words.starts_with(begin)) << words;
  const Amount needed = amount_of(words.substr(begin.size()));
  ASSERT_GT(needed.bytes, 0) << words;
  // What is shown is rounded up.
  EXPECT_NE(said<FieldError>([&] { open(static_cast<size_t>(needed.bytes - needed.step)); }),
            "accepted");
  const auto allowed = static_cast<size_t>(std::ceil(needed.bytes));
  Restorer restorer = open(allowed);
  const int64_t side = 4 * receptive_radius(config) + 64;  // more than one tile
  const Values noise = random_values(side * side * 3, 11, 0, 1);
  const std::vector<float> picture(noise.begin(), noise.end());
  taken = 0;
  restorer.noise_of({picture.data(), SampleType::f32, 3, side, side});
  restorer.restore({picture.data(), side, side}, {.noise = 25});
  constexpr size_t kRounding = 4096;  // of each buffer to its alignment
  EXPECT_LE(taken, allowed + kRounding);
  EXPECT_GT(static_cast<double>(taken), needed.bytes - needed.step - kRounding);
}

}  // namespace
}  // namespace dae::test
#endif
