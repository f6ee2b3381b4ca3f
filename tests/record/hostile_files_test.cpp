// Configurations, checkpoints, networks and records of engines as somebody may make them by hand: each ends
// in an Error that says what is wrong, or is passed over.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "record/checkpoint.h"
#include "record/device_record.h"
#include "record/engine_file.h"
#include "record/feature_file.h"
#include "record/network_file.h"
#include "runtime/error.h"
#include "tests/support/said.h"
#include "tests/support/temporary_folder.h"

namespace dae::test {
namespace {

using nlohmann::json;

constexpr NetworkConfig kTiny = {.size = 8, .width = 1, .blocks = 1, .levels = 1, .global = false};

std::string error_of(const json& config) {
  return said([&] { run_config_from_json(config, "config.json"); });
}

// A value of a configuration that was sound.
std::string error_with(const json::json_pointer& key, const json& value) {
  json config = to_json(RunConfig{});
  config.at(key) = value;
  return error_of(config);
}

TEST(HostileFiles, NumbersOfAConfigurationAreChecked) {
  EXPECT_EQ(error_of(to_json(RunConfig{})), "accepted");
  const std::map<std::string, std::vector<json>> wrong = {
      {"/optimizer/learning_rate", {-1e-3, 1.5, 1e300}},
      {"/optimizer/beta1", {-0.1, 1, 1e300}},
      {"/optimizer/beta2", {-0.1, 1, 1e300}},
      {"/optimizer/epsilon", {-1e-8, 0, 2, 1e300}},
      {"/optimizer/weight_decay", {-1, 1e7, 1e300}},
      {"/optimizer/clip_norm", {-1, 1e31, 1e300}},
      {"/optimizer/ema_decay", {-1, 1.1, 1e300}},
      {"/optimizer/steps", {-1, uint64_t{1} << 54, UINT64_MAX, 1e300}},
      {"/optimizer/warmup", {-1, uint64_t{1} << 54, UINT64_MAX}},
      {"/optimizer/start", {-1, 1001, UINT64_MAX}},
      {"/data/max_side", {-1, 65537, 1e300}},
      {"/batch", {-1, 0, 65537, INT64_MAX, 1e300}},
      {"/seed", {-1, 1.5, 1e300}},
      {"/model/size", {-8, INT64_MAX, 1e300}},
      {"/model/width", {-8, INT64_MAX, 1e300}}};
  for (const auto& [key, values] : wrong)
    for (const json& value : values) {
      const std::string error = error_with(json::json_pointer(key), value);
      EXPECT_NE(error.find(key.substr(key.rfind('/') + 1)), std::string::npos)
          << key << " " << value << ": " << error;
    }
}

// Its network would have 140 TB of weights.
TEST(HostileFiles, ANetworkTakesNoMoreThanItsFile) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  RunConfig vast;
  vast.network = {.kind = NetworkKind::fc, .size = 4096, .latent = 1 << 20};
  const ParameterSet parameters = parameters_of(vast.network), none;
  EXPECT_GT(parameters.count(), int64_t{1} << 44);
  save_network(path, vast, none, {});
  EXPECT_EQ(read_network_config(path), vast);
  EXPECT_THROW(read_network_weights(path, parameters), Error);
  write_checkpoint(path, none, {});
  EXPECT_EQ(read_checkpoint_step(path), 0u);
  EXPECT_THROW(read_checkpoint(path, parameters), Error);
  EXPECT_THROW(read_averaged_weights(path, parameters), Error);
}

TEST(HostileFiles, CountersOfACheckpointFitTogether) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  const ParameterSet none;
  Checkpoint kept;
  kept.state.step = 7;
  kept.noted_steps = 7;
  kept.loss_sums = {1.5};
  write_checkpoint(path, none, kept);
  EXPECT_EQ(read_checkpoint(path, none).loss_sums, kept.loss_sums);
  for (const int64_t noted : {int64_t{8}, int64_t{-1}}) {
    kept.noted_steps = noted;
    write_checkpoint(path, none, kept);
    EXPECT_THROW(read_checkpoint(path, none), Error) << noted;
  }
  uint64_t counter = 0;
  const Tensor one = {&counter, {1}, DType::u64};
  save_safetensors(path, {{"step", one}, {"skipped", one}, {"noted_steps", one}});
  EXPECT_THROW(read_checkpoint(path, none), Error) << "no sums";
}

TEST(HostileFiles, FeaturesHaveAFewLayers) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  std::vector<float> values(27);
  std::vector<NamedTensor> tensors;
  for (int layer = 0; layer < 1000; layer++) {
    const std::string name = "features." + std::to_string(layer);
    tensors.push_back({name + ".weight", {values.data(), {1, 3, 3, layer == 0 ? 3 : 1}}});
    tensors.push_back({name + ".bias", {values.data(), {1}}});
    if (layer != 31 && layer != 999) continue;
    save_safetensors(path, tensors);
    if (layer == 31)
      EXPECT_EQ(load_features(path).widths.size(), 32u);
    else
      EXPECT_THROW(load_features(path), Error);
  }
}

TEST(HostileFiles, ARecordOfADeviceMayBeAnything) {
  const json now = {{"engines", {{"p", {{"engine", "e"}}}}}};
  for (const json& engines :
       {json(3), json("p"), json::array({1, "p"}), json{{"p", 3}}, json{{"p", {{"engine", 3}}}},
        json{{"p", json::array({1})}}, json(nullptr)})
    for (const json& then : {engines, json{{"engines", engines}}}) {
      EXPECT_NO_THROW(reuse_engines(then)) << then;
      EXPECT_NO_THROW(device_changes(then, now)) << then;
      EXPECT_NO_THROW(software_changes(then, now)) << then;
    }
}

// A million levels would overflow the stack of whoever copies or compares them.
TEST(HostileFiles, NestedEnginesArePassedOver) {
  const TemporaryFolder folder;
  const std::string path = folder.file("engines.jsonl");
  constexpr size_t kLevels = 1'000'000;
  const json machine = {{"gpu", "A"}};
  std::ofstream(path) << R"({"problem":"p","engine":"e","machine":)" << std::string(kLevels, '[')
                      << std::string(kLevels, ']') << "}\n";
  add_engine(path, machine, {.problem = "q", .engine = "e"});
  ASSERT_EQ(read_engines(path, machine).size(), 1u);
  EXPECT_EQ(read_engines(path, machine)[0].problem, "q");
}

}  // namespace
}  // namespace dae::test
