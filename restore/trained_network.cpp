#include "restore/trained_network.h"

#include <dae/denoiser.h>

#include "places.h"
#include "record/network_file.h"
#include "record/run_folder.h"
#include "runtime/error.h"

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

std::filesystem::path shipped_network() {
  const std::filesystem::path here = std::filesystem::path(DAE_MODELS) / "photographs.safetensors";
  if (is_file(here)) return here;
  const std::filesystem::path installed =
      std::filesystem::path(DAE_INSTALLED_MODELS) / "photographs.safetensors";
  if (is_file(installed)) return installed;
  fail("the network that ships lies neither at {} nor at {}; name a run folder or a network file",
       here.string(), installed.string());
}

}  // namespace dae
