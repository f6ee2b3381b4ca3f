// The face's side of reading a network (dae/network.h).
#include <dae/network.h>

#include <nlohmann/json.hpp>

#include "restore/trained_network.h"

namespace dae {

NetworkContents read_network(const std::filesystem::path& network) {
  const TrainedNetwork trained = open_trained_network(network, Device::cpu);
  NetworkContents contents{to_json(trained.config).dump(), {}, trained.note};
  for (const Parameter& p : trained.parameters.list()) {
    NetworkWeight weight{p.name, {}, {}};
    for (int i = 0; i < p.shape.rank(); i++) weight.shape.push_back(p.shape[i]);
    const float* const first = trained.weights.data() + p.offset;
    weight.values.assign(first, first + p.shape.count());
    contents.weights.push_back(std::move(weight));
  }
  return contents;
}

}  // namespace dae
