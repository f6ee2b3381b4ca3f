// A network file keeps the network and its configuration, and no name of a picture.
#include "record/network_file.h"

#include <dae/network.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "data/text.h"
#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

constexpr NetworkConfig kNetwork = {.size = 16,
                                    .width = 4,
                                    .blocks = 1,
                                    .levels = 2,
                                    .stem = 2,
                                    .global = false,
                                    .noise_input = true};

class NetworkFile : public testing::Test {
 protected:
  NetworkFile() : parameters_(parameters_of(kNetwork)) {
    weights_.resize(static_cast<size_t>(parameters_.count()));
    parameters_.initialize(3, weights_.data());
    config_.network = kNetwork;
    config_.corruption.noise = {0, 55};
    config_.corruption.order = Order::camera;
    config_.dataset = "/home/someone/private";
    config_.validation = "/home/someone/else";
    config_.given = "/home/someone/noisy";
    config_.from = "/home/someone/runs/a";
    config_.held_out = {"portrait.jpg"};
  }
  std::string read(const std::string& name) {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string error_of(const std::string& name) {
    return said([&] {
      read_network_config(folder_.file(name));
      read_network_weights(folder_.file(name), parameters_);
    });
  }

  TemporaryFolder folder_;
  RunConfig config_;
  ParameterSet parameters_;
  std::vector<float> weights_;
};

TEST_F(NetworkFile, KeepsTheNetworkToBf16AndNoNamesOfPictures) {
  save_network(folder_.file("a.safetensors"), config_, parameters_, weights_);
  RunConfig kept = config_;
  kept.dataset = kept.validation = kept.given = kept.from = "";
  kept.held_out.clear();
  EXPECT_EQ(read_network_config(folder_.file("a.safetensors")), kept);
  const std::vector<float> found = read_network_weights(folder_.file("a.safetensors"), parameters_);
  ASSERT_EQ(found.size(), weights_.size());
  for (const Parameter& p : parameters_.list())
    for (int64_t i = p.offset; i < p.offset + p.shape.count(); i++)
      ASSERT_NEAR(found[i], weights_[i], std::abs(weights_[i]) / 256) << p.name;
  const std::string bytes = read("a.safetensors");
  EXPECT_EQ(bytes.find("someone"), std::string::npos);
  EXPECT_EQ(bytes.find("portrait"), std::string::npos);
  EXPECT_LT(bytes.size(), 2 * weights_.size() + 16384);
}

// As other programs read it: by name and shape, and what is needed to build the network again.
TEST_F(NetworkFile, GivesWeightsByNameAndTheConfiguration) {
  save_network(folder_.file("a.safetensors"), config_, parameters_, weights_);
  const NetworkContents contents = read_network(folder_.file("a.safetensors"));
  ASSERT_EQ(contents.weights.size(), parameters_.list().size());
  for (size_t i = 0; i < contents.weights.size(); i++) {
    const NetworkWeight& weight = contents.weights[i];
    const Parameter& p = parameters_.list()[i];
    EXPECT_EQ(weight.name, p.name);
    ASSERT_EQ(weight.values.size(), static_cast<size_t>(p.shape.count()));
    size_t count = 1;
    for (const int64_t side : weight.shape) count *= static_cast<size_t>(side);
    EXPECT_EQ(count, weight.values.size());
    for (size_t j = 0; j < weight.values.size(); j++)
      ASSERT_NEAR(weight.values[j], weights_[static_cast<size_t>(p.offset) + j],
                  std::abs(weight.values[j]) / 256)
          << p.name;
  }
  EXPECT_EQ(contents.weights[0].name, "head.weight");
  EXPECT_EQ(contents.weights[0].shape, (std::vector<int64_t>{4, 3, 3, 16}));
  const auto config = json_from(contents.config);
  EXPECT_EQ(config.at("model").at("levels"), 2);
  EXPECT_EQ(config.at("corruption").at("noise"), "0:55");
  EXPECT_EQ(contents.note, "");
  EXPECT_THROW(read_network(folder_.file("missing.safetensors")), Error);
}

TEST_F(NetworkFile, NamesTheFileThatIsNone) {
  EXPECT_NE(error_of("missing.safetensors").find("missing.safetensors"), std::string::npos);
  std::ofstream(folder_.file("text.safetensors")) << "no network";
  EXPECT_NE(error_of("text.safetensors").find("text.safetensors"), std::string::npos);
  // Another program's, one of another network, one with a weight that is no number, and half of one.
  float value = 1;
  save_safetensors(folder_.file("other.safetensors"), {{"x", {&value, {1}}}});
  EXPECT_NE(error_of("other.safetensors").find("not a network"), std::string::npos);
  const ParameterSet wider = parameters_of({.size = 16, .width = 8, .blocks = 1});
  save_network(folder_.file("wider.safetensors"), config_, wider,
               std::vector<float>(static_cast<size_t>(wider.count())));
  EXPECT_NE(error_of("wider.safetensors").find("expected"), std::string::npos);
  weights_[7] = INFINITY;
  save_network(folder_.file("infinite.safetensors"), config_, parameters_, weights_);
  EXPECT_NE(error_of("infinite.safetensors").find("holds inf"), std::string::npos);
  std::ofstream(folder_.file("half.safetensors"), std::ios::binary)
      << read("infinite.safetensors").substr(0, 3000);
  EXPECT_NE(error_of("half.safetensors").find("half.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace dae::test
