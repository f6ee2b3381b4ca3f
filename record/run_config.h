// config.json of a run folder: all that is needed to repeat a run, and to use its network.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "corrupt/spec.h"
#include "kernels/adam.h"
#include "model/loss_spec.h"
#include "model/network.h"

namespace dae {

struct RunConfig {
  NetworkConfig network;
  CorruptSpec corruption;
  AdamConfig adam;
  Schedule schedule;
  std::string dataset, validation;  // absolute; validation empty: held out of the dataset
  std::string given;  // folder of the other pictures of pairs; empty: the corruption makes them
  int64_t max_side = 1024;
  std::string from;                   // where its first weights come from; empty: the seed
  std::vector<std::string> held_out;  // names of the images kept out of training
  LossSpec loss;
  std::string budget;  // in words: "--time 300"
  int64_t batch = 16;
  int64_t shards = 1;  // parts of the batch whose gradients are added in one order
  uint64_t seed = 1;

  bool operator==(const RunConfig&) const = default;
};

nlohmann::json to_json(const RunConfig& config);

// Throws Error naming `file` and the key that is missing or makes no sense.
RunConfig run_config_from_json(const nlohmann::json& json, const std::string& file);

// Writes RUN/config.json, at once or not at all, with a hash of what it says.
void write_run_json(const std::filesystem::path& run, nlohmann::json configuration);

// Reads RUN/config.json, as it stands or as a configuration. Throws Error saying what is wrong when
// RUN is not a run folder, or what its file says is not what was written; one without a hash is taken.
nlohmann::json read_run_json(const std::filesystem::path& run);
RunConfig read_run_config(const std::filesystem::path& run);

// What the network computes in where it runs now: the CPU has fp32 alone.
void settle_precision(NetworkConfig& network, Device device);

// Versions and machine, for the record: nothing reads it back.
nlohmann::json describe_build();

}  // namespace dae
