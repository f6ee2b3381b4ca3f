#include "restore/trained_network.h"

#include "record/run_folder.h"

namespace dae {

TrainedNetwork open_trained_network(const std::filesystem::path& run, Device device) {
  const RunFolder folder = RunFolder::open(run);
  RunConfig config = read_run_config(run);
  settle_precision(config.network, device);
  ParameterSet parameters = parameters_of(config.network);
  std::vector<float> weights = folder.load_weights(parameters);
  return {std::move(config), std::move(parameters), std::move(weights)};
}

}  // namespace dae
