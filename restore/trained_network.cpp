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
  std::string note;
  std::vector<float> weights = is_file(path) ? read_network_weights(path, parameters)
                                             : RunFolder::open(path).load_weights(parameters, note);
  return {std::move(config), std::move(parameters), std::move(weights), std::move(note)};
}

RunConfig read_trained_config(const std::filesystem::path& path) {
  return is_file(path) ? read_network_config(path) : read_run_config(path);
}

// In the sources that this was built from, as long as they are there; where it was installed, under the
// prefix of then or beside the program's folder.
std::filesystem::path shipped_network() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  std::string places;
  for (const fs::path& folder :
       {fs::path(DAE_MODELS), fs::path(DAE_INSTALLED_MODELS), program / "../share/dae"}) {
    const fs::path file = (folder / "photographs.safetensors").lexically_normal();
    if (is_file(file)) return file;
    places += (places.empty() ? "" : ", ") + file.string();
  }
  fail("the network that ships is missing at {}; name a run folder or a network file", places);
}

}  // namespace dae
