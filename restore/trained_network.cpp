#include "restore/trained_network.h"

#include "record/network_file.h"
#include "record/run_folder.h"

namespace dae {
namespace {

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

TrainedNetwork open_trained_network(const std::filesystem::path& path, Device device) {
  RunConfig config = read_trained_config(path);
  settle_precision(config.network, device);
  ParameterSet parameters = parameters_of(config.network);
  std::vector<float> weights = is_file(path) ? read_network_weights(path, parameters)
                                             : RunFolder::open(path).load_weights(parameters);
  return {std::move(config), std::move(parameters), std::move(weights)};
}

RunConfig read_trained_config(const std::filesystem::path& path) {
  return is_file(path) ? read_network_config(path) : read_run_config(path);
}

}  // namespace dae
