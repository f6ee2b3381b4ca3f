// What options become before any picture is read.
#include "train/configured.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "record/network_file.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

namespace fs = std::filesystem;

TrainingOptions options() {
  TrainingOptions made;
  made.dataset = "photos";
  made.size = 16;
  made.device = Device::cpu;
  return made;
}

// A run can be gone on with from another folder than that in which it was begun.
TEST(Configured, PlacesOfPicturesAreAbsolute) {
  const std::string here = fs::current_path().string() + "/";
  TrainingOptions given = options();
  given.validation = "more/../others";
  EXPECT_EQ(configured(given).dataset, here + "photos");
  EXPECT_EQ(configured(given).validation, here + "others");
  given.validation = "";
  given.pairs = "noisy";
  EXPECT_EQ(configured(given).validation, "");
  EXPECT_EQ(configured(given).given, here + "noisy");
  given = options();
  given.dataset = "synthetic";
  EXPECT_EQ(configured(given).dataset, "synthetic") << "no place";
}

TEST(Configured, PairsAreNotShrunk) {
  TrainingOptions given = options();
  given.max_side = 65536;
  EXPECT_EQ(configured(given).max_side, 65536);
  given.pairs = "noisy";
  EXPECT_EQ(configured(given).max_side, 0);
}

// Where nothing is said: 128 numbers for each 8x8 pixels of a conv network, 512 of an fc.
TEST(Configured, AMapOfNumbersIsAsLargeAsItsCrop) {
  TrainingOptions given = options();
  const auto latent = [&](const char* model, int64_t size) {
    given.model = model;
    given.size = size;
    return configured(given).network.latent;
  };
  EXPECT_EQ(latent("conv", 16), 4 * 128);
  EXPECT_EQ(latent("conv", 24), 9 * 128);
  EXPECT_EQ(latent("fc", 16), 512);
  EXPECT_EQ(latent("fc", 24), 512);
}

class ConfiguredFrom : public testing::Test {
 protected:
  TrainingOptions from(const NetworkConfig& network, int64_t size) const {
    RunConfig config;
    config.network = network;
    const ParameterSet parameters = parameters_of(network);
    save_network(folder_.file("from.safetensors"), config, parameters,
                 std::vector<float>(static_cast<size_t>(parameters.count())));
    TrainingOptions given = options();
    given.from = folder_.file("from.safetensors");
    given.size = size;
    return given;
  }

  TemporaryFolder folder_;
};

// Five channels on a map of an eighth of the crop's side.
TEST_F(ConfiguredFrom, AConvNetworkKeepsItsChannelsAtAnotherSize) {
  struct Case {
    int64_t size, latent;
  };
  constexpr Case kCases[] = {{16, 20}, {24, 45}, {40, 125}, {64, 320}};
  for (const Case& has : kCases)
    for (const Case& wanted : kCases) {
      const TrainingOptions given =
          from({.kind = NetworkKind::conv, .size = has.size, .latent = has.latent}, wanted.size);
      EXPECT_EQ(configured(given).network.latent, wanted.latent)
          << "from " << has.size << " to " << wanted.size;
    }
  TrainingOptions given = from({.kind = NetworkKind::conv, .size = 16, .latent = 20}, 24);
  given.latent = 20;
  EXPECT_EQ(said<FieldError>([&] { configured(given); }),
            "latent 20: the network to start from has 45");
}

TEST_F(ConfiguredFrom, ANetworkOfOneSizeIsForThatAlone) {
  const NetworkConfig fc = {.kind = NetworkKind::fc, .size = 16, .latent = 7};
  EXPECT_EQ(configured(from(fc, 16)).network.latent, 7) << "which is no map";
  EXPECT_EQ(said<FieldError>([&] { configured(from(fc, 24)); }),
            "size 24: the network to start from has 16");
}

}  // namespace
}  // namespace dae::test
