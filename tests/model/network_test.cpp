// Which networks can be built: every limit, and what is said beyond it.
#include "model/network.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/said.h"

namespace dae::test {
namespace {

std::string said_of(const NetworkConfig& config) {
  return said<FieldError>([&] { check(config); });
}

TEST(Network, NumbersHaveALeastAndAMost) {
  struct Limits {
    int64_t NetworkConfig::*member;
    const char* field;
    int64_t least, most;
    const char* advice;
  };
  for (const auto& [member, field, least, most, advice] :
       {Limits{&NetworkConfig::levels, "levels", 1, 6, "give 1 to 6 levels"},
        Limits{&NetworkConfig::stem, "stem", 1, 2, "give 1 or 2"},
        Limits{&NetworkConfig::width, "width", 1, 1024, "give 1 to 1024 channels"},
        Limits{&NetworkConfig::blocks, "blocks", 1, 64, "give 1 to 64 blocks"},
        Limits{&NetworkConfig::latent, "latent", 1, 1048576, "give 1 to 1048576 numbers"}}) {
    const auto said_with = [member = member](int64_t value) {
      NetworkConfig config;
      config.*member = value;
      return said_of(config);
    };
    for (const int64_t value : {least, most})
      EXPECT_EQ(said_with(value), "accepted") << field << ' ' << value;
    for (const int64_t value : {least - 1, int64_t{-1}, most + 1})
      EXPECT_EQ(said_with(value), fmt::format("{} {}: {}", field, value, advice));
  }
}

TEST(Network, ANoiseInputNeedsAStemOfTwo) {
  EXPECT_EQ(said_of({.stem = 1, .noise_input = true}), "stem 1: a noise input needs 2");
  EXPECT_EQ(said_of({.stem = 2, .noise_input = true}), "accepted");
  EXPECT_EQ(said_of({.stem = 3, .noise_input = true}), "stem 3: give 1 or 2");
}

// By how much a network shrinks a picture; 8, where that is less or nothing is said of it.
TEST(Network, SizesAreMultiplesOfTheGrid) {
  const NetworkConfig fc{.kind = NetworkKind::fc}, deep{.levels = 6},
      stemmed{.levels = 6, .stem = 2};
  for (const auto& [config, grid] : std::initializer_list<std::pair<NetworkConfig, int64_t>>{
           {fc, 8},
           {{.kind = NetworkKind::conv, .levels = 6, .stem = 2}, 8},
           {{.levels = 1}, 8},
           {{.levels = 4}, 8},
           {{.levels = 5}, 16},
           {{.levels = 3, .stem = 2}, 8},
           {{.levels = 4, .stem = 2}, 16},
           {deep, 32},
           {stemmed, 64}}) {
    SCOPED_TRACE(
        fmt::format("{}, {} levels, stem {}", name_of(config.kind), config.levels, config.stem));
    EXPECT_EQ(grid_of(config), grid);
    const auto said_at = [&, config = config](int64_t size) {
      NetworkConfig sized = config;
      sized.size = size;
      sized.latent = 1 << 20;  // a multiple of what conv wants at any of them
      return said_of(sized);
    };
    for (const int64_t size : {grid, 2 * grid, int64_t{4096}}) EXPECT_EQ(said_at(size), "accepted");
    for (const int64_t size : {-grid, int64_t{0}, grid / 2, 3 * grid / 2, 4096 + grid})
      EXPECT_EQ(said_at(size),
                fmt::format("size {}: crops must be a multiple of {} pixels, from {} to 4096", size,
                            grid, grid));
  }
}

TEST(Network, TheLatentOfConvIsAMap) {
  const auto said_with = [](NetworkKind kind, int64_t size, int64_t latent) {
    return said_of({.kind = kind, .size = size, .latent = latent});
  };
  const NetworkKind conv = NetworkKind::conv;
  EXPECT_EQ(said_with(conv, 64, 64), "accepted");
  EXPECT_EQ(said_with(conv, 8, 1), "accepted");
  EXPECT_EQ(said_with(NetworkKind::fc, 64, 96), "accepted");
  EXPECT_EQ(said_with(conv, 64, 96),
            "latent 96: the latent of conv at size 64 is a 8x8 map, so give a multiple of 64");
  EXPECT_EQ(said_with(conv, 16, 6),
            "latent 6: the latent of conv at size 16 is a 2x2 map, so give a multiple of 4");
}

// He's bound (2015), of 3x3 taps or of a quarter of 4x4 on 32 channels; a tenth of it where the input is added.
TEST(Network, TheLastLayerStartsSmallWhereTheInputIsAdded) {
  for (const auto& [stem, taps] : {std::pair(1, 9 * 32), {2, 4 * 32}})
    for (const bool residual : {true, false}) {
      const ParameterSet parameters = parameters_of({.size = 8,
                                                     .blocks = 1,
                                                     .levels = 1,
                                                     .stem = stem,
                                                     .global = false,
                                                     .residual = residual});
      double bound = 0;
      for (const Parameter& p : parameters.list())
        if (p.name == "tail.weight") bound = p.bound;
      EXPECT_DOUBLE_EQ(bound, (residual ? 0.1 : 1) * std::sqrt(3.0 / taps)) << "stem " << stem;
    }
}

}  // namespace
}  // namespace dae::test
