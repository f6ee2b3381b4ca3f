// Files of tensors: any program's, checkpoints, networks, features.
#include <cstring>

#include "data/hash.h"
#include "data/safetensors.h"
#include "model/feature_network.h"
#include "model/network.h"
#include "record/checkpoint.h"
#include "record/feature_file.h"
#include "record/network_file.h"
#include "tests/fuzz/all.h"

namespace dae::fuzz {
namespace {

constexpr NetworkConfig kTiny = {.size = 8, .width = 1, .blocks = 1, .levels = 1, .global = false};

const ParameterSet& tiny() {
  static const ParameterSet parameters = parameters_of(kTiny);
  return parameters;
}

// As a file, with its hash right where it has one: that of all bytes, with zeros in its own place.
std::filesystem::path write_hashed(View input) {
  constexpr std::string_view kField = "\"xxh3\":\"", kZeros = "0000000000000000";
  Bytes bytes(input.begin(), input.end());
  const size_t field = text_of(bytes).find(kField), at = field + kField.size();
  if (field != std::string_view::npos && at + kZeros.size() <= bytes.size()) {
    std::memcpy(bytes.data() + at, kZeros.data(), kZeros.size());
    Hash hash;
    hash.add(bytes.data(), bytes.size());
    std::memcpy(bytes.data() + at, hash.digits().data(), kZeros.size());
  }
  return write("tensors.safetensors", bytes);
}

Bytes written(const std::function<void(const std::filesystem::path&)>& save) {
  const std::filesystem::path path = folder() / "seed.safetensors";
  save(path);
  return read(path);
}

}  // namespace

void safetensors(View input) {
  const Safetensors file(write_hashed(input));
  uint64_t sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    const auto* const bytes =
        static_cast<const uint8_t*>(file.get(name, tensor.shape, tensor.dtype));
    for (size_t i = 0; i < tensor.bytes(); i++) sum += bytes[i];
  }
  expect(sum < ~uint64_t{0}, "a sum");  // every value is read
}
std::vector<Bytes> safetensors_seeds() {
  std::vector<Bytes> seeds = fixtures({".safetensors"});
  float values[4] = {1, 2, 3, 4};
  seeds.push_back(written([&](const auto& path) {
    save_safetensors(path, {{"a", {values, {2, 1}}}, {"b", {values, {8}, DType::u8}}},
                     {{"format", "dae test 2"}});
  }));
  return seeds;
}

void checkpoint(View input) {
  const std::filesystem::path path = write_hashed(input);
  const uint64_t step = read_checkpoint_step(path);
  expect(read_checkpoint(path, tiny()).state.step == step, "another step");
  read_averaged_weights(path, tiny());
}
std::vector<Bytes> checkpoint_seeds() {
  const std::vector<float> values(static_cast<size_t>(tiny().count()), 0.5f);
  Checkpoint kept = {values, values, values, values, {}, 2, {1.0, 2.0}};
  kept.state.step = 7;
  return {written([&](const auto& path) { write_checkpoint(path, tiny(), kept); })};
}

// As a trained network is opened (restore/trained_network.cpp).
void network(View input) {
  const std::filesystem::path path = write_hashed(input);
  const RunConfig config = read_network_config(path);
  if (config.network.blocks * config.network.levels > 4) return;  // the library takes its time
  read_network_weights(path, parameters_of(config.network));
}
std::vector<Bytes> network_seeds() {
  RunConfig config;
  config.network = kTiny;
  const std::vector<float> values(static_cast<size_t>(tiny().count()), 0.5f);
  return {written([&](const auto& path) { save_network(path, config, tiny(), values); })};
}

void features(View input) {
  const FeatureNetwork read = load_features(write_hashed(input));
  const ParameterSet parameters = feature_parameters(read.widths);
  expect(parameters.count() == std::ssize(read.values), "values of another network");
}
std::vector<Bytes> features_seeds() {
  FeatureNetwork two = {.widths = {1, 2}, .values = {}};
  two.values.resize(static_cast<size_t>(feature_parameters(two.widths).count()), 0.25f);
  return {written([&](const auto& path) { save_features(path, two); })};
}

}  // namespace dae::fuzz
