// What is inside a trained network, for programs that compute it by themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dae {

// One of a network's weights, row-major: docs/run-folder.md says what the names and layouts mean.
struct NetworkWeight {
  std::string name;  // "head.weight"
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct NetworkContents {
  // The configuration that it was trained with, JSON as in config.json: "model" says how it is built.
  std::string config;
  std::vector<NetworkWeight> weights;  // averaged, as Denoiser uses them
  std::string note;  // for people, or empty: that an older checkpoint stands in for a damaged one
};

// Of a run folder or a network file, as Denoiser opens them. Throws Error when there is none or it is
// damaged.
NetworkContents read_network(const std::filesystem::path& network);

}  // namespace dae
