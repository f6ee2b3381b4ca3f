#include "record/network_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "data/text.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr char kFormat[] = "dae network 2";
constexpr char kFormats[] = "dae network ";  // 1 had no hash

RunConfig config_in(const Safetensors& file, const std::string& path) {
  const auto format = file.metadata().find("format"), config = file.metadata().find("config");
  if (format == file.metadata().end() || !format->second.starts_with(kFormats) ||
      config == file.metadata().end())
    fail("{}: not a network that the program export wrote", path);
  try {
    return run_config_from_json(json_from(config->second), path);
  } catch (const Error& error) {
    fail("{}: its configuration: {}", path, error.what());
  }
}

}  // namespace

RunConfig without_names_of_pictures(RunConfig config) {
  config.dataset = config.validation = config.given = config.from = "";
  config.held_out.clear();
  return config;
}

void save_network(const std::filesystem::path& path, const RunConfig& config,
                  const ParameterSet& parameters, const std::vector<float>& weights) {
  std::vector<BFloat16> rounded;
  for (const float weight : weights) rounded.push_back(to_bf16(weight));
  std::vector<NamedTensor> tensors;
  for (const Parameter& p : parameters.list())
    tensors.push_back({p.name, {&rounded[static_cast<size_t>(p.offset)], p.shape, DType::bf16}});
  save_safetensors(
      path, tensors,
      {{"format", kFormat}, {"config", to_json(without_names_of_pictures(config)).dump()}});
}

RunConfig read_network_config(const std::filesystem::path& path) {
  return config_in(Safetensors(path), path.string());
}

std::vector<float> read_network_weights(const std::filesystem::path& path,
                                        const ParameterSet& parameters) {
  const Safetensors file(path);
  const auto values_of = [&](const Parameter& p) {
    return static_cast<const BFloat16*>(file.get(p.name, p.shape, DType::bf16));
  };
  for (const Parameter& p : parameters.list()) values_of(p);  // before there is memory for them
  std::vector<float> weights(static_cast<size_t>(parameters.count()));
  for (const Parameter& p : parameters.list()) {
    const auto* const values = values_of(p);
    for (int64_t i = 0; i < p.shape.count(); i++) {
      const float weight = to_float(values[i]);
      if (!std::isfinite(weight)) fail("{}: {} holds {}", path.string(), p.name, weight);
      weights[static_cast<size_t>(p.offset + i)] = weight;
    }
  }
  return weights;
}

}  // namespace dae
